"""Being away over the API: who decides for whom, say so, end it."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.models import Delegation
from approvals.selectors.delegations import delegation_for, visible_delegations
from approvals.services.delegation import delegate, end_delegation
from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import Person
from registry.api.asking import person_of, read
from registry.api.serializers import page_of
from registry.rules.texts import MOST_TEXT

TAGS = ["approvals"]


class PersonAway(serializers.Serializer[Any]):
    """Somebody, by id and name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    """Somebody is away; ``receiver``, if any, decides in their right meanwhile."""

    giver = PersonAway()
    receiver = PersonAway(allow_null=True)
    made_by = PersonAway()

    class Meta:
        model = Delegation
        fields = ["id", "giver", "receiver", "starts_at", "ends_at", "reason", "made_by", "made_at", "ended_at"]


class DelegationInput(serializers.Serializer[Any]):
    """``giver`` left out is the caller; ``starts_at`` left out is now; without ``receiver`` nobody decides."""

    giver = serializers.UUIDField(required=False)
    receiver = serializers.UUIDField(required=False, allow_null=True, default=None)
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=MOST_TEXT)


class DelegationList(APIView):
    @extend_schema(
        operation_id="delegations_list",
        summary="Who is away, as far as I may see it, newest first",
        tags=TAGS,
        responses=page_of("DelegationPage", DelegationSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(visible_delegations(person_of(request)), request, view=self) or []
        return pages.get_paginated_response(DelegationSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="delegations_create",
        summary="Say that somebody is away, and who decides meanwhile",
        description="By oneself, or by a manager of a team that both are in. At most 60 days.",
        tags=TAGS,
        request=DelegationInput,
        responses={201: DelegationSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        said = read(DelegationInput, request)
        caller = person_of(request)
        made = delegate(
            actor=caller,
            giver=_person(said["giver"], "/giver") if "giver" in said else caller,
            receiver=None if said["receiver"] is None else _person(said["receiver"], "/receiver"),
            starts_at=said["starts_at"],
            ends_at=said["ends_at"],
            reason=said["reason"],
        )
        return Response(DelegationSerializer(made).data, status=201)


class DelegationEnd(APIView):
    @extend_schema(
        operation_id="delegations_end",
        summary="End an absence before its time",
        tags=TAGS,
        request=None,
        responses={200: DelegationSerializer, 409: refusal("It has ended already.")},
    )
    @idempotent
    def post(self, request: Request, delegation_id: UUID) -> Response:
        caller = person_of(request)
        end_delegation(actor=caller, delegation=delegation_for(caller, delegation_id))
        return Response(DelegationSerializer(delegation_for(caller, delegation_id)).data)


def _person(person_id: UUID, pointer: str) -> Person:
    found = Person.objects.filter(pk=person_id, is_active=True).first()
    if found is None:
        raise InvalidInput(
            "There is nobody with this id whose account is open. Nothing was changed.",
            errors=[{"pointer": pointer, "detail": "names nobody whose account is open"}],
        )
    return found
