"""Exceptions over the API: the register, asking, deciding, ending and closing one, and every use of it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.models import ExceptionUse, GateException
from approvals.rules.exceptions import MOST_ACTIONS, MOST_MINUTES, ExceptionKind, ExceptionStatus
from approvals.selectors.exceptions import ExceptionSearch, exception_for, find_exceptions, status_now, uses_of
from approvals.services.exceptions import ask, close, grant, refuse, revoke, withdraw
from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import Person
from portal.identity.proof import require_step_up
from portal.identity.selectors.people import people_in
from portal.ledger.selectors.entries import database_now
from registry.api.asking import named_agent, person_of, read
from registry.api.serializers import PersonSerializer, page_of
from registry.models import Agent

TAGS = ["exceptions"]
_SHOWN = ["debt", "overdue", "asked", "over"]
_KINDS = [kind.value for kind in ExceptionKind]


class ExceptionSerializer(serializers.ModelSerializer[GateException]):
    """A gate that stands open for a while. ``status`` is derived: ``ended`` and ``overdue`` wait to be looked at."""

    agent: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    kind = serializers.ChoiceField(choices=_KINDS)
    status = serializers.SerializerMethodField()
    asked_by = PersonSerializer()
    owner = PersonSerializer()
    decided_by = PersonSerializer(allow_null=True)
    ended_by = PersonSerializer(allow_null=True)
    closed_by = PersonSerializer(allow_null=True)

    class Meta:
        model = GateException
        fields = [
            "number", "kind", "agent", "actions", "repository", "environment", "minutes", "reason", "status", "owner",
            "asked_by", "asked_at", "decided_by", "decided_at", "decided_reason", "ends_at", "review_due_at",
            "ended_by", "ended_at", "closed_by", "closed_at", "closing_note",
        ]  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=[status.value for status in ExceptionStatus]))
    def get_status(self, exception: GateException) -> str:
        return status_now(exception, database_now()).value


class ExceptionUseSerializer(serializers.ModelSerializer[ExceptionUse]):
    """One call that was let through; ``entry`` is the ledger entry of its check."""

    entry = serializers.UUIDField(source="entry_id")
    run = serializers.UUIDField(source="run_id")

    class Meta:
        model = ExceptionUse
        fields = ["entry", "run", "action", "resource", "at"]


class ExceptionInput(serializers.Serializer[Any]):
    """What is to be opened. Only what is gated for the agent now; empty repository or environment: any."""

    agent = serializers.CharField(max_length=80, help_text="Slug or id.")
    kind = serializers.ChoiceField(choices=_KINDS)
    actions = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=MOST_ACTIONS, help_text="Keys, without patterns."
    )
    minutes = serializers.IntegerField(min_value=1, max_value=max(MOST_MINUTES.values()))
    reason = serializers.CharField()
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="Who answers for it; left out: you.")
    repository = serializers.CharField(required=False, allow_blank=True, max_length=255)
    environment = serializers.CharField(required=False, allow_blank=True, max_length=80)


class ExceptionReason(serializers.Serializer[Any]):
    reason = serializers.CharField()


class ExceptionNote(serializers.Serializer[Any]):
    """What was seen of its uses."""

    note = serializers.CharField()


class ExceptionNothing(serializers.Serializer[Any]):
    """An empty object."""


class ExceptionList(APIView):
    @extend_schema(
        operation_id="exceptions_list",
        summary="Exceptions of agents that I may see, newest first",
        tags=TAGS,
        parameters=[
            OpenApiParameter("show", enum=_SHOWN, description="debt: to be looked at; over: settled."),
            OpenApiParameter("agent", description="Only those of the agent with this slug."),
        ],
        responses=page_of("ExceptionPage", ExceptionSerializer),
    )
    def get(self, request: Request) -> Response:
        show = request.query_params.get("show", "")
        if show and show not in _SHOWN:
            raise InvalidInput(f"“show” must be one of {', '.join(_SHOWN)}.")
        agent = request.query_params.get("agent", "").replace("\0", "")
        found = find_exceptions(person_of(request), ExceptionSearch(show=show, agent=agent), now=database_now())
        pages = NewestFirst()
        rows = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(ExceptionSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="exceptions_ask",
        summary="Ask for an exception or for break-glass",
        tags=TAGS,
        request=ExceptionInput,
        responses={201: ExceptionSerializer, 409: refusal("The same gate was opened before and nobody closed it.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Opens nothing until another person grants it."""
        said = read(ExceptionInput, request)
        agent = named_agent(request, said.pop("agent"))
        kind = ExceptionKind(said.pop("kind"))
        owner = _owner(agent, said.pop("owner", None))
        found = ask(actor=person_of(request), agent=agent, kind=kind, owner=owner, **said)
        return Response(ExceptionSerializer(found).data, status=201)


def _owner(agent: Agent, person_id: UUID | None) -> Person | None:
    if person_id is None:
        return None
    owner = people_in(agent.owner_team).filter(pk=person_id).first()
    if owner is None:
        raise InvalidInput(
            "The owner must be somebody of the agent's team. Nothing was asked.",
            errors=[{"pointer": "/owner", "detail": f"must be somebody of {agent.owner_team.name}"}],
        )
    return owner


class ExceptionDetail(APIView):
    @extend_schema(
        operation_id="exceptions_retrieve", summary="One exception", tags=TAGS, responses=ExceptionSerializer
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(ExceptionSerializer(exception_for(person_of(request), number)).data)


class ExceptionUses(APIView):
    @extend_schema(
        operation_id="exceptions_uses",
        summary="Every call that an exception let through, newest first",
        tags=TAGS,
        responses=page_of("ExceptionUsePage", ExceptionUseSerializer),
    )
    def get(self, request: Request, number: int) -> Response:
        pages = NewestFirst()
        found = uses_of(exception_for(person_of(request), number))
        rows = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(ExceptionUseSerializer(rows, many=True).data)


class _Act(APIView):
    """One act on one exception: its input is what the service takes beside the actor."""

    service: Callable[..., GateException]
    takes: type[serializers.Serializer[Any]] = ExceptionReason
    fresh = False  # whether it takes a fresh proof of who is there

    def act(self, request: Request, number: int) -> Response:
        said, person = read(self.takes, request), person_of(request)
        exception = exception_for(person, number)
        if self.fresh:
            require_step_up(request._request)  # noqa: SLF001  (the session is Django's, beneath DRF's request)
        found = type(self).service(actor=person, exception=exception, **said)
        return Response(ExceptionSerializer(found).data)


_CONFLICT = refusal("Its state does not allow it, or what was true when it was asked no longer is.")


class ExceptionGrant(_Act):
    service = staticmethod(grant)
    fresh = True

    @extend_schema(
        operation_id="exceptions_grant",
        summary="Open the gate: another person than who asked or owns it",
        description="It takes a fresh proof of who is there (403 ``step-up-required``): a token cannot give one.",
        tags=TAGS,
        request=ExceptionReason,
        responses={200: ExceptionSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, number: int) -> Response:
        return self.act(request, number)


class ExceptionRefusal(_Act):
    service = staticmethod(refuse)

    @extend_schema(
        operation_id="exceptions_refuse",
        summary="Refuse it",
        tags=TAGS,
        request=ExceptionReason,
        responses={200: ExceptionSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, number: int) -> Response:
        return self.act(request, number)


class ExceptionWithdrawal(_Act):
    service = staticmethod(withdraw)
    takes = ExceptionNothing

    @extend_schema(
        operation_id="exceptions_withdraw",
        summary="Take the question back",
        tags=TAGS,
        request=ExceptionNothing,
        responses={200: ExceptionSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, number: int) -> Response:
        return self.act(request, number)


class ExceptionRevocation(_Act):
    service = staticmethod(revoke)

    @extend_schema(
        operation_id="exceptions_revoke",
        summary="Shut the gate before its time",
        tags=TAGS,
        request=ExceptionReason,
        responses={200: ExceptionSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, number: int) -> Response:
        return self.act(request, number)


class ExceptionClosing(_Act):
    service = staticmethod(close)
    takes = ExceptionNote

    @extend_schema(
        operation_id="exceptions_close",
        summary="Say what was seen of its uses and end the debt: somebody without a part in it",
        description="Never whoever asked for it, owns or granted it, nor whoever started a call that it let through, "
        "wrote its prompt or its change, or issued the credential that made it; under no account of theirs.",
        tags=TAGS,
        request=ExceptionNote,
        responses={200: ExceptionSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, number: int) -> Response:
        return self.act(request, number)
