"""Runs and their entries as JSON, for people's own tools: what the pages show, whole."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.identity.models import Person
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose_many
from portal.ledger.selectors.log import index_of
from reports.models import Run
from reports.selectors.runs import RunSearch, run_for, search
from reports.selectors.story import entries_of


class RunQuery(serializers.Serializer[Any]):
    """The filters of the list; texts match parts, ``agent``, ``team`` and ``session`` match whole."""

    agent = serializers.SlugField(required=False)
    team = serializers.SlugField(required=False)
    repository = serializers.CharField(required=False, max_length=200)
    branch = serializers.CharField(required=False, max_length=200)
    model = serializers.CharField(required=False, max_length=120)
    initiator = serializers.CharField(required=False, max_length=200)
    outcome = serializers.ChoiceField(required=False, choices=["allowed", "gated", "denied"])
    session = serializers.CharField(required=False, max_length=200)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class RunOut(serializers.ModelSerializer[Run]):
    agent = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    team = serializers.CharField(source="agent.owner_team.slug", read_only=True)

    class Meta:
        model = Run
        fields = [
            "id", "agent", "team", "session_id", "initiator", "repository", "branch", "model", "task",
            "started_at", "last_event_at", "events", "allowed", "gated", "denied",
        ]  # fmt: skip


class EntryOut(serializers.Serializer[Any]):
    """``personal`` is null where it was erased, ``index`` while the entry is not sealed."""

    id = serializers.UUIDField()
    index = serializers.IntegerField(allow_null=True)
    type = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    actor = serializers.DictField(child=serializers.CharField())
    source = serializers.CharField()  # type: ignore[assignment]  # the name in the ledger, not DRF's argument
    counter = serializers.IntegerField(allow_null=True)
    data = serializers.DictField()  # type: ignore[assignment]  # likewise
    personal = serializers.DictField(allow_null=True)
    leaf_hash = serializers.CharField()


class _Newest(CursorPagination):
    ordering = ("-last_event_at", "-id")
    page_size = 50
    page_size_query_param = "size"
    max_page_size = 200


class _Story(_Newest):
    ordering = ("occurred_at", "id")


class RunsView(APIView):
    pagination_class = _Newest

    @extend_schema(parameters=[RunQuery], responses=RunOut(many=True), operation_id="runs_list", tags=["runs"])
    def get(self, request: Request) -> Response:
        """The runs of the agents that the caller may see, newest first."""
        query = RunQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        pages = _Newest()
        found = pages.paginate_queryset(search(_person(request), RunSearch(**query.validated_data)), request, self)
        return pages.get_paginated_response(RunOut(found, many=True).data)


class RunView(APIView):
    @extend_schema(responses=RunOut, operation_id="runs_read", tags=["runs"])
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run."""
        return Response(RunOut(run_for(_person(request), run_id)).data)


class RunEntriesView(APIView):
    pagination_class = _Story

    @extend_schema(responses=EntryOut(many=True), operation_id="runs_entries", tags=["runs"])
    def get(self, request: Request, run_id: UUID) -> Response:
        """What happened in one run, oldest first, with the stops over its agent while it lasted."""
        pages = _Story()
        entries = entries_of(run_for(_person(request), run_id))
        found = list(pages.paginate_queryset(entries, request, self) or [])
        return pages.get_paginated_response(EntryOut(_documents(found), many=True).data)


def _documents(entries: list[Entry]) -> list[dict[str, Any]]:
    places = index_of([entry.id for entry in entries])
    personal = disclose_many(entries)
    return [
        {
            "id": entry.id,
            "index": places.get(entry.id),
            "type": entry.type,
            "occurred_at": entry.occurred_at,
            "recorded_at": entry.recorded_at,
            "actor": {"kind": entry.actor_kind, "id": entry.actor_id},
            "source": entry.source,
            "counter": entry.source_counter,
            "data": entry.body["data"],
            "personal": personal[entry.id],
            "leaf_hash": bytes(entry.leaf_hash).hex(),
        }
        for entry in entries
    ]


def _person(request: Request) -> Person:
    assert isinstance(request.user, Person)  # noqa: S101 (IsAuthenticated is the default of every view)
    return request.user
