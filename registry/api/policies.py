"""Policies over the API: of an agent, a team, the organisation; in force, before, changed; and the catalogue."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput, NotFound
from registry.api.asking import named_agent, person_of, read
from registry.api.policy_serializers import (
    ActionSerializer,
    AsOfSerializer,
    ChangeInput,
    ProposalSerializer,
)
from registry.api.serializers import RevisionInput, RevisionSerializer, page_of
from registry.models import PolicyProposal
from registry.selectors.agents import team_for
from registry.selectors.policies import (
    ORGANISATION,
    Subject,
    as_of,
    catalogue_in_force,
    revision_in_force,
    revisions_of,
)
from registry.services.policy import change_policy, tighten_policy

TAGS = ["policies"]
CHANGED: Mapping[int, Any] = {
    201: RevisionSerializer,
    202: ProposalSerializer,
    409: refusal("Another revision came in between, or a proposal waits already."),
}
CHANGE = (
    "What only tightens is in force at once (201, the revision). What widens anything becomes a proposal that "
    "waits for a second person (202, the proposal); nothing of it is in force."
)


def in_force(subject: Subject) -> Response:
    revision = revision_in_force(subject)
    if revision is None:
        raise NotFound(f"No policy is in force for {subject.label} yet.")
    return Response(RevisionSerializer(revision).data)


def changed(request: Request, subject: Subject) -> Response:
    """The change that the body asks for: 201 in force, 202 proposed."""
    result = change_policy(actor=person_of(request), subject=subject, **read(ChangeInput, request))
    if isinstance(result, PolicyProposal):
        return Response(ProposalSerializer(result).data, status=202)
    return Response(RevisionSerializer(result).data, status=201)


def listed(request: Request, view: APIView, subject: Subject) -> Response:
    pages = NewestFirst()
    rows = pages.paginate_queryset(revisions_of(subject), request, view=view) or []
    return pages.get_paginated_response(RevisionSerializer(rows, many=True).data)


class PolicyInForce(APIView):
    @extend_schema(
        operation_id="policy_retrieve", summary="The policy in force", tags=TAGS, responses=RevisionSerializer
    )
    def get(self, request: Request, reference: str) -> Response:
        return in_force(Subject.of_agent(named_agent(request, reference)))

    @extend_schema(
        operation_id="policy_change",
        summary="Change the policy",
        description=CHANGE,
        tags=TAGS,
        request=ChangeInput,
        responses=CHANGED,
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        return changed(request, Subject.of_agent(named_agent(request, reference)))


class Revisions(APIView):
    @extend_schema(
        operation_id="policy_revisions_list",
        summary="Policy revisions, newest first",
        tags=TAGS,
        responses=page_of("RevisionPage", RevisionSerializer),
    )
    def get(self, request: Request, reference: str) -> Response:
        return listed(request, self, Subject.of_agent(named_agent(request, reference)))

    @extend_schema(
        operation_id="policy_tighten",
        summary="Tighten the policy",
        tags=TAGS,
        request=RevisionInput,
        responses={201: RevisionSerializer, 409: refusal("Another revision came in between.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """In force at once when it only tightens; 403 with what widens when it does not."""
        agent = named_agent(request, reference)
        facts = read(RevisionInput, request)
        revision = tighten_policy(actor=person_of(request), agent=agent, **facts)
        return Response(RevisionSerializer(revision).data, status=201)


class AgentAsOf(APIView):
    @extend_schema(
        operation_id="agents_as_of",
        summary="What an agent stood under at an instant",
        description="Revisions of every level, owners, state and stops at ``at`` (RFC 3339; without an offset, UTC).",
        tags=TAGS,
        parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME, required=True)],
        responses=AsOfSerializer,
    )
    def get(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        try:
            instant = parse_datetime(request.query_params.get("at", ""))
        except ValueError:
            instant = None
        if instant is None:
            raise InvalidInput(
                "Say which instant, as in at=2026-11-21T09:30:00Z.",
                errors=[{"pointer": "/at", "detail": "is no date and time"}],
            )
        then = as_of(agent, instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC))
        return Response(AsOfSerializer(then).data)


class OrganisationPolicy(APIView):
    @extend_schema(
        operation_id="policies_organisation_retrieve",
        summary="The organisation's policy in force",
        tags=TAGS,
        responses=RevisionSerializer,
    )
    def get(self, request: Request) -> Response:
        return in_force(ORGANISATION)

    @extend_schema(
        operation_id="policies_organisation_change",
        summary="Change the organisation's policy",
        description=CHANGE,
        tags=TAGS,
        request=ChangeInput,
        responses=CHANGED,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        return changed(request, ORGANISATION)


class OrganisationRevisions(APIView):
    @extend_schema(
        operation_id="policies_organisation_revisions",
        summary="Revisions of the organisation's policy, newest first",
        tags=TAGS,
        responses=page_of("OrganisationRevisionPage", RevisionSerializer),
    )
    def get(self, request: Request) -> Response:
        return listed(request, self, ORGANISATION)


class TeamPolicy(APIView):
    @extend_schema(
        operation_id="policies_team_retrieve",
        summary="A team's policy in force",
        tags=TAGS,
        responses=RevisionSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        return in_force(Subject.of_team(team_for(person_of(request), slug)))

    @extend_schema(
        operation_id="policies_team_change",
        summary="Change a team's policy",
        description=CHANGE,
        tags=TAGS,
        request=ChangeInput,
        responses=CHANGED,
    )
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        return changed(request, Subject.of_team(team_for(person_of(request), slug)))


class TeamRevisions(APIView):
    @extend_schema(
        operation_id="policies_team_revisions",
        summary="Revisions of a team's policy, newest first",
        tags=TAGS,
        responses=page_of("TeamRevisionPage", RevisionSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        return listed(request, self, Subject.of_team(team_for(person_of(request), slug)))


class CatalogueList(APIView):
    @extend_schema(
        operation_id="policies_catalogue",
        summary="Every action type that counts now",
        tags=TAGS,
        responses=ActionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        known = catalogue_in_force()
        own = {one.kind.key for one in known.own}
        rows = [
            {
                "key": key,
                "label": kind.label,
                "explain": kind.explain,
                "reversibility": kind.reversibility.value,
                "default_tier": kind.default_tier.value,
                "floor": known.floors[key].value,
                "own": key in own,
            }
            for key, kind in known.items()
        ]
        return Response(ActionSerializer(rows, many=True).data)
