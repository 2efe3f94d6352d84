"""Agents over the API: list, read, draft, register."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import Person, Team
from portal.identity.selectors.people import people_in
from registry.api.asking import named_agent, person_of, read, visible_team
from registry.api.serializers import AgentSerializer, DraftInput, page_of
from registry.models import Agent
from registry.selectors.agents import AgentSearch, find_agents
from registry.selectors.kills import stopped_agent_ids
from registry.services.register import Profile, register_agent, save_draft, start_draft

_FILTERS = ("q", "team", "state", "platform")


class AgentList(APIView):
    @extend_schema(
        operation_id="agents_list",
        summary="Agents that I may see, newest first",
        tags=["agents"],
        parameters=[OpenApiParameter(name, str) for name in (*_FILTERS, "cursor")] + [OpenApiParameter("size", int)],
        responses=page_of("AgentPage", AgentSerializer),
    )
    def get(self, request: Request) -> Response:
        search = AgentSearch(**{name: request.query_params.get(name, "").replace("\0", "") for name in _FILTERS})
        pages = NewestFirst()
        agents = pages.paginate_queryset(find_agents(person_of(request), search), request, view=self) or []
        context = {"stopped": stopped_agent_ids(agents)}
        return pages.get_paginated_response(AgentSerializer(agents, many=True, context=context).data)

    @extend_schema(
        operation_id="agents_create_draft",
        summary="Make a draft",
        tags=["agents"],
        request=DraftInput,
        responses={201: AgentSerializer, 409: refusal("The name is taken.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        facts = read(DraftInput, request)
        team = visible_team(request, facts.pop("team"), "/team")
        policy = facts.pop("policy", None)
        facts["accountable_person"] = _member(team, facts["accountable_person"])
        agent = start_draft(actor=person_of(request), team=team, profile=Profile(**facts), policy=policy)
        return Response(shown(agent), status=201)


class AgentDetail(APIView):
    @extend_schema(operation_id="agents_retrieve", summary="One agent", tags=["agents"], responses=AgentSerializer)
    def get(self, request: Request, reference: str) -> Response:
        return Response(shown(named_agent(request, reference)))

    @extend_schema(
        operation_id="agents_replace_draft",
        summary="Replace what a draft says",
        tags=["agents"],
        request=DraftInput,
        responses={200: AgentSerializer, 409: refusal("The agent is registered already, or the name is taken.")},
    )
    def put(self, request: Request, reference: str) -> Response:
        """Replace what a draft says; a policy that is left out stays."""
        agent = named_agent(request, reference)
        facts = read(DraftInput, request)
        team = visible_team(request, facts.pop("team"), "/team")
        policy = facts.pop("policy", None)
        facts["accountable_person"] = _member(team, facts["accountable_person"])
        person = person_of(request)
        return Response(
            shown(save_draft(actor=person, agent=agent, profile=Profile(**facts), policy=policy, team=team))
        )


class AgentRegistration(APIView):
    @extend_schema(
        operation_id="agents_register",
        summary="Register a draft",
        tags=["agents"],
        request=None,
        responses={200: AgentSerializer, 409: refusal("The agent is registered already.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        return Response(shown(register_agent(actor=person_of(request), agent=agent)))


def shown(agent: Agent) -> Any:
    return AgentSerializer(agent, context={"stopped": stopped_agent_ids([agent])}).data


def _member(team: Team, person_id: Any) -> Person | None:
    if person_id is None:
        return None
    person = people_in(team).filter(pk=person_id).first()
    if person is None:
        raise InvalidInput(
            "The accountable person must be an active member of the team. Nothing was saved.",
            errors=[{"pointer": "/accountable_person", "detail": "is not an active member of the team"}],
        )
    return person
