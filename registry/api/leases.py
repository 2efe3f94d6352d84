"""Leases over the API: an enforcement point says that it is there, and hears whether it may go on."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.authentication import bearer
from portal.api.schema import refusal
from portal.errors import NotFound
from registry.api.asking import read
from registry.api.stop_serializers import LeaseInput, LeaseReleaseInput, LeaseSerializer
from registry.services.lease import Point, hold_lease, release_lease

_BY_AGENT: list[dict[str, list[str]]] = [{"AgentToken": []}]


class LeaseList(APIView):
    """By an agent's token alone: a session or a person's token means nothing here."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="leases_hold",
        summary="Hold or renew a lease",
        description=(
            "For enforcement points that go on between two checks. Renew before ``expires_at``; whoever cannot must "
            "stop. A stopped agent gets ``stopped`` and no lease, and counts as told. Authenticate with the agent's "
            "token."
        ),
        tags=["leases"],
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        request=LeaseInput,
        responses={200: LeaseSerializer, 409: refusal("The agent has named too many points.")},
    )
    def post(self, request: Request) -> Response:
        token = bearer(request)
        said = read(LeaseInput, request)
        point = Point(
            name=said["point"],
            kind=said["kind"],
            session=said.get("session", ""),
            run=said.get("run"),
            repository=said.get("repository"),
            working=said.get("working", False),
        )
        response = Response(LeaseSerializer(hold_lease(token=token, point=point)).data)
        response["Cache-Control"] = "no-store"
        return response


class LeaseRelease(APIView):
    """By an agent's token alone."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="leases_release",
        summary="End a lease early",
        description="The point has stopped by itself and needs no lease any more. Authenticate with the agent's token.",
        tags=["leases"],
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        request=LeaseReleaseInput,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        token = bearer(request)
        if release_lease(token=token, name=read(LeaseReleaseInput, request)["point"]) is None:
            raise NotFound("This agent has no such point. Nothing was released.")
        return Response(status=204)
