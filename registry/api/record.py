"""An agent's record over the API: changed, suspended, reinstated, retired, handed over."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import Person, Team
from portal.identity.selectors.people import people_in
from portal.identity.services.teams import set_on_call
from registry.api.agents import shown
from registry.api.asking import named_agent, person_of, read
from registry.api.record_serializers import (
    AcceptInput,
    OfferInput,
    OnCallInput,
    OwnershipSerializer,
    PeopleInput,
    TransferSerializer,
)
from registry.api.serializers import AgentSerializer, ReasonInput, TeamSerializer, page_of
from registry.models import Agent
from registry.selectors.agents import team_for
from registry.selectors.ownership import ownerships_of
from registry.selectors.transfers import transfer_for, visible_transfers
from registry.services.lifecycle import reinstate_agent, retire_agent, suspend_agent
from registry.services.ownership import change_people
from registry.services.transfer import accept_transfer, decline_transfer, offer_transfer, withdraw_transfer


class _AgentAct(APIView):
    """One act on an agent, with a reason."""

    service: Callable[..., Agent]

    def _done(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        return Response(shown(type(self).service(actor=person_of(request), agent=agent, **read(ReasonInput, request))))


Post = Callable[[Any, Request, str], HttpResponse]


def _act(verb: str, summary: str, too_late: str) -> Callable[[Post], Post]:
    described: Callable[[Post], Post] = extend_schema(
        operation_id=f"agents_{verb}",
        summary=summary,
        tags=["agents"],
        request=ReasonInput,
        responses={200: AgentSerializer, 409: refusal(too_late)},
    )
    return described


class AgentSuspension(_AgentAct):
    service = suspend_agent

    @_act("suspend", "Take an agent out of work until it is reinstated", "The agent is not active.")
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        return self._done(request, reference)


class AgentReinstatement(_AgentAct):
    service = reinstate_agent

    @_act("reinstate", "Let a suspended agent work again", "Something stands against it; the sentence says what.")
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        return self._done(request, reference)


class AgentRetirement(_AgentAct):
    service = retire_agent

    @_act("retire", "End an agent for good, with its credentials", "The agent is a draft, or retired already.")
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        return self._done(request, reference)


class AgentPeople(APIView):
    @extend_schema(
        operation_id="agents_owners",
        summary="Who owned an agent and answered for it, newest first",
        tags=["agents"],
        responses=OwnershipSerializer(many=True),
    )
    def get(self, request: Request, reference: str) -> Response:
        rows = ownerships_of(named_agent(request, reference))[:200]
        return Response(OwnershipSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="agents_change_people",
        summary="Name who answers for an agent, and who stands in",
        tags=["agents"],
        request=PeopleInput,
        responses={200: AgentSerializer, 409: refusal("The agent is a draft, or retired.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        facts = read(PeopleInput, request)
        named = _people(agent.owner_team, facts)
        changed = change_people(actor=person_of(request), agent=agent, reason=facts["reason"], **named)
        return Response(shown(changed))


class TransferList(APIView):
    @extend_schema(
        operation_id="transfers_list",
        summary="Offers of agents from and to my teams, newest first",
        tags=["transfers"],
        responses=page_of("TransferPage", TransferSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        found = pages.paginate_queryset(visible_transfers(person_of(request)), request, view=self) or []
        return pages.get_paginated_response(TransferSerializer(found, many=True).data)


class TransferDetail(APIView):
    @extend_schema(
        operation_id="transfers_retrieve", summary="One offer", tags=["transfers"], responses=TransferSerializer
    )
    def get(self, request: Request, transfer_id: UUID) -> Response:
        return Response(TransferSerializer(transfer_for(person_of(request), transfer_id)).data)


class TransferOffer(APIView):
    @extend_schema(
        operation_id="transfers_offer",
        summary="Offer an agent to another team",
        tags=["transfers"],
        request=OfferInput,
        responses={201: TransferSerializer, 409: refusal("It is on offer already, stopped, a draft or retired.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Nothing changes until a manager of that team accepts."""
        agent = named_agent(request, reference)
        facts = read(OfferInput, request)
        team = Team.objects.filter(slug=facts["to_team"]).first()
        if team is None:
            raise InvalidInput(
                "There is no such team. Nothing was offered.",
                errors=[{"pointer": "/to_team", "detail": "names no team"}],
            )
        made = offer_transfer(actor=person_of(request), agent=agent, to_team=team, reason=facts["reason"])
        return Response(TransferSerializer(made).data, status=201)


class TransferAcceptance(APIView):
    @extend_schema(
        operation_id="transfers_accept",
        summary="Take an agent that is offered to my team",
        tags=["transfers"],
        request=AcceptInput,
        responses={200: AgentSerializer, 409: refusal("The offer has ended, or the agent is stopped.")},
    )
    @idempotent
    def post(self, request: Request, transfer_id: UUID) -> Response:
        person = person_of(request)
        transfer = transfer_for(person, transfer_id)
        named = _people(transfer.to_team, read(AcceptInput, request))
        return Response(shown(accept_transfer(actor=person, transfer=transfer, **named)))


class TransferRefusal(APIView):
    @extend_schema(
        operation_id="transfers_decline",
        summary="Decline an agent that is offered to my team",
        tags=["transfers"],
        request=ReasonInput,
        responses={200: TransferSerializer, 409: refusal("The offer has ended.")},
    )
    @idempotent
    def post(self, request: Request, transfer_id: UUID) -> Response:
        person = person_of(request)
        found = transfer_for(person, transfer_id)
        ended = decline_transfer(actor=person, transfer=found, **read(ReasonInput, request))
        return Response(TransferSerializer(ended).data)


class TransferWithdrawal(APIView):
    @extend_schema(
        operation_id="transfers_withdraw",
        summary="Take back an offer of my team's agent",
        tags=["transfers"],
        request=ReasonInput,
        responses={200: TransferSerializer, 409: refusal("The offer has ended.")},
    )
    @idempotent
    def post(self, request: Request, transfer_id: UUID) -> Response:
        person = person_of(request)
        found = transfer_for(person, transfer_id)
        ended = withdraw_transfer(actor=person, transfer=found, **read(ReasonInput, request))
        return Response(TransferSerializer(ended).data)


class TeamOnCall(APIView):
    @extend_schema(
        operation_id="teams_set_on_call",
        summary="Say how whoever answers for a team right now is reached",
        tags=["people"],
        request=OnCallInput,
        responses=TeamSerializer,
    )
    def put(self, request: Request, slug: str) -> Response:
        person = person_of(request)
        team = set_on_call(actor=person, team=team_for(person, slug), **read(OnCallInput, request))
        return Response(TeamSerializer(team).data)


def _people(team: Team, facts: dict[str, Any]) -> dict[str, Person | None]:
    """The members that the ids in a body name. Whoever is not in the team is not found, whatever else they are."""
    members = {person.pk: person for person in people_in(team)}
    named: dict[str, Person | None] = {}
    errors = []
    for role in ("accountable_person", "deputy"):
        named[role] = members.get(facts[role])
        if facts[role] is not None and named[role] is None:
            errors.append({"pointer": f"/{role}", "detail": f"is not an active member of {team.name}"})
    if errors:
        raise InvalidInput("They cannot answer for the agent. Nothing was changed.", errors=errors)
    return named
