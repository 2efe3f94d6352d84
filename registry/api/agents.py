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
from portal.identity.models import Team
from portal.identity.selectors.people import people_in
from registry.api.asking import named_agent, person_of, read, visible_team
from registry.api.record_serializers import AgentChange
from registry.api.serializers import AgentSerializer, DraftInput, page_of
from registry.models import Agent
from registry.selectors.agents import AgentSearch, find_agents
from registry.selectors.charters import charters_of
from registry.selectors.kills import stopped_agent_ids
from registry.services.profile import Profile, change_profile
from registry.services.register import discard_draft, register_agent, save_draft, start_draft

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
        context = {"stopped": stopped_agent_ids(agents), "charters": charters_of(agents)}
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
        facts |= _named(team, facts)
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
        facts |= _named(team, facts)
        person = person_of(request)
        return Response(
            shown(save_draft(actor=person, agent=agent, profile=Profile(**facts), policy=policy, team=team))
        )

    @extend_schema(
        operation_id="agents_change",
        summary="Change what is said about a registered agent",
        tags=["agents"],
        request=AgentChange,
        responses={200: AgentSerializer, 409: refusal("The agent is a draft or retired, or the name is taken.")},
    )
    def patch(self, request: Request, reference: str) -> Response:
        """What is left out stays. Who answers for it and what it may do have addresses of their own."""
        agent = named_agent(request, reference)
        changes = read(AgentChange, request)
        reason = changes.pop("reason")
        if "links" in changes:
            changes["links"] = [dict(link) for link in changes["links"]]
        return Response(shown(change_profile(actor=person_of(request), agent=agent, changes=changes, reason=reason)))

    @extend_schema(
        operation_id="agents_discard",
        summary="Throw a draft away",
        tags=["agents"],
        responses={204: None, 409: refusal("The agent is registered.")},
    )
    def delete(self, request: Request, reference: str) -> Response:
        discard_draft(actor=person_of(request), agent=named_agent(request, reference))
        return Response(status=204)


class AgentRegistration(APIView):
    @extend_schema(
        operation_id="agents_register",
        summary="Register a draft",
        tags=["agents"],
        request=None,
        responses={200: AgentSerializer, 409: refusal("It is registered already, or would get around a stop.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        return Response(shown(register_agent(actor=person_of(request), agent=agent)))


def shown(agent: Agent) -> Any:
    return AgentSerializer(agent, context={"stopped": stopped_agent_ids([agent])}).data


def _named(team: Team, facts: dict[str, Any]) -> dict[str, Any]:
    """What a draft's body names by id or as serialized: its people, who must be in the team, and its links."""
    named: dict[str, Any] = {"links": [dict(link) for link in facts["links"]]}
    for role in ("accountable_person", "deputy"):
        person = people_in(team).filter(pk=facts[role]).first() if facts[role] is not None else None
        if facts[role] is not None and person is None:
            raise InvalidInput(
                f"The {role.replace('_', ' ')} must be an active member of the team. Nothing was saved.",
                errors=[{"pointer": f"/{role}", "detail": "is not an active member of the team"}],
            )
        named[role] = person
    return named
