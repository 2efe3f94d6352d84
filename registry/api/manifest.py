"""Policy files over the API: the plan of a file, applying it, taking one home, and what a repository's file says."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.authentication import bearer
from portal.api.presence import require_presence
from portal.api.schema import refusal
from portal.errors import InvalidInput
from registry.api.asking import named_agent, person_of, read
from registry.rules.manifest import Manifest
from registry.rules.manifest import read as read_manifest
from registry.rules.manifest_schema import schema
from registry.rules.texts import MOST_TEXT
from registry.rules.yaml_lines import MOST_BYTES, YamlError
from registry.selectors.manifest import file_of, whole_file
from registry.selectors.policies import catalogue_in_force
from registry.services.drift import MOST_COMMIT, MOST_PATH, report_policy_file
from registry.services.manifest import Done, Plan, StepKind, apply_file, plan_file

_YAML = OpenApiResponse(response=OpenApiTypes.STR, description="A policy file, application/yaml.")
_BY_AGENT: list[dict[str, list[str]]] = [{"AgentToken": []}]


class FileInput(serializers.Serializer[Any]):
    """A policy file as text. ``digest`` is that of the plan to apply; without it the answer is the plan."""

    text = serializers.CharField(max_length=MOST_BYTES, trim_whitespace=False)
    reason = serializers.CharField(max_length=MOST_TEXT)
    digest = serializers.RegexField("^[0-9a-f]{64}$", required=False)


class StepSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[kind.value for kind in StepKind])
    what = serializers.CharField()
    sentence = serializers.CharField()
    line = serializers.IntegerField()
    changes = serializers.ListField(child=serializers.CharField())
    done = serializers.BooleanField(allow_null=True)


class PlanSerializer(serializers.Serializer[Any]):
    """The steps, before (``done`` is null) or after applying. ``digest`` is null after."""

    digest = serializers.CharField(allow_null=True)
    steps = StepSerializer(many=True)


class PolicyFileInput(serializers.Serializer[Any]):
    repository = serializers.CharField(max_length=255)
    path = serializers.CharField(max_length=MOST_PATH)
    commit = serializers.CharField(max_length=MOST_COMMIT)
    text = serializers.CharField(max_length=MOST_BYTES, trim_whitespace=False)


class SightingSerializer(serializers.Serializer[Any]):
    repository = serializers.CharField()
    path = serializers.CharField()
    commit = serializers.CharField()
    reported_at = serializers.DateTimeField()
    fault = serializers.CharField(help_text="Why the file says nothing about the agent; empty when it does.")


class FileImport(APIView):
    @extend_schema(
        operation_id="policy_file_import",
        summary="Plan or apply a policy file",
        description="Without a digest nothing is changed. With the plan's digest exactly that plan is applied.",
        tags=["policies"],
        request=FileInput,
        responses={200: PlanSerializer, 409: refusal("The plan has become another one.")},
    )
    def post(self, request: Request) -> Response:
        given = read(FileInput, request)
        manifest = _manifest(given["text"])
        if "digest" not in given:
            plan = plan_file(actor=person_of(request), manifest=manifest, reason=given["reason"])
            return Response(_plan(plan))
        done = apply_file(actor=person_of(request), manifest=manifest, reason=given["reason"], digest=given["digest"])
        return Response({"digest": None, "steps": [_done(one) for one in done]})


class FileExport(APIView):
    @extend_schema(
        operation_id="policy_file_export",
        summary="Everything the caller may see, as a policy file",
        tags=["policies"],
        responses={(200, "application/yaml"): _YAML},
    )
    def get(self, request: Request) -> HttpResponse:
        """A browser's session needs a fresh proof of who is there; a token does not."""
        require_presence(request)
        return _yaml(whole_file(person_of(request)))


class AgentFile(APIView):
    """One agent's policy file: taken home by a person, reported from a repository by the agent's own token."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="policy_file_report",
        summary="Report what a repository's committed policy file says",
        description="From a CI job, with the agent's token. The portal compares it with what is in force.",
        tags=["policies"],
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        request=PolicyFileInput,
        responses={200: SightingSerializer},
    )
    def post(self, request: Request, reference: str) -> Response:
        token = bearer(request)
        sighting = report_policy_file(token=token, reference=reference, **read(PolicyFileInput, request))
        return Response(SightingSerializer(sighting).data)


class AgentExport(APIView):
    @extend_schema(
        operation_id="policy_file_export_agent",
        summary="One agent as a policy file",
        tags=["policies"],
        responses={(200, "application/yaml"): _YAML},
    )
    def get(self, request: Request, reference: str) -> HttpResponse:
        return _yaml(file_of([named_agent(request, reference)]))


class FileSchema(APIView):
    """Public: editors fetch it without signing in, and it says nothing about anybody."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="policy_file_schema",
        summary="The JSON Schema of a policy file",
        tags=["policies"],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        return Response(schema())


def _manifest(text: str) -> Manifest:
    try:
        return read_manifest(text, catalogue=catalogue_in_force())
    except YamlError as error:
        raise InvalidInput(
            "The file cannot be read. Nothing was applied.",
            errors=[
                {"pointer": "/text", "detail": f"line {fault.line}: {fault.pointer} {fault.detail}".replace("  ", " ")}
                for fault in error.faults
            ],
        ) from error


def _plan(plan: Plan) -> dict[str, Any]:
    return {"digest": plan.digest, "steps": [_step(step, None) for step in plan.steps]}


def _done(one: Done) -> dict[str, Any]:
    return {**_step(one.step, one.done), "sentence": one.sentence}


def _step(step: Any, done: bool | None) -> dict[str, Any]:
    return {
        "kind": step.kind.value,
        "what": step.what,
        "sentence": step.sentence,
        "line": step.line,
        "changes": list(step.changes),
        "done": done,
    }


def _yaml(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="application/yaml; charset=utf-8")
