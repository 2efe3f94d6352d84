"""The kill switch over the API: stop, read, agree to resume."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput, NotFound
from portal.identity.models import Person
from portal.identity.proof import require_step_up
from registry.api.asking import named_agent, person_of, read, visible_team
from registry.api.serializers import ReasonInput, page_of
from registry.api.stop_serializers import KillDetailSerializer, KillInput, KillSerializer
from registry.models import KillOrder
from registry.rules.kill import Scope, ScopeKind
from registry.selectors.agents import visible_agents
from registry.selectors.kills import order_for, resume_refusal, visible_orders
from registry.selectors.stop_targets import agent_of_run
from registry.services.kill import agree_resume, order_kill


class KillList(APIView):
    @extend_schema(
        operation_id="kills_list",
        summary="Stops that I may see, newest first",
        tags=["kills"],
        responses=page_of("KillPage", KillSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        orders = pages.paginate_queryset(_whole(visible_orders(person_of(request))), request, view=self) or []
        return pages.get_paginated_response(KillSerializer(orders, many=True, context=_context(request)).data)

    @extend_schema(
        operation_id="kills_order",
        summary="Stop everything, a team, an agent, a run, an action type or a repository",
        tags=["kills"],
        request=KillInput,
        responses={201: KillSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Stop at once. When the scope is stopped already, the order in force is returned."""
        facts = read(KillInput, request)
        kind = ScopeKind(facts["kind"])
        order = order_kill(
            actor=person_of(request),
            kind=kind,
            scope_id=_scope(request, kind, facts.get("target", "")),
            reason=facts["reason"],
            revoke_credentials=facts["revoke_credentials"],
        )
        return Response(KillSerializer(order, context=_context(request)).data, status=201)


class KillDetail(APIView):
    @extend_schema(
        operation_id="kills_retrieve",
        summary="One stop, and how far it has come",
        tags=["kills"],
        responses=KillDetailSerializer,
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(KillDetailSerializer(order_for(person_of(request), number), context=_context(request)).data)


class KillAgreement(APIView):
    @extend_schema(
        operation_id="kills_agree",
        summary="Agree that a stop may end",
        tags=["kills"],
        request=ReasonInput,
        responses={201: KillSerializer, 409: refusal("The stop has ended already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Agree that the stop may end; the second agreement of another person ends it.

        Only from a signed-in browser, freshly confirmed: a token may stop, but not undo a stop.
        """
        person = person_of(request)
        order = order_for(person, number)
        if resume_refusal(person, order) is None:
            require_step_up(request._request)  # noqa: SLF001  (the session is Django's, beneath DRF's request)
        agreed = agree_resume(actor=person, order=order, **read(ReasonInput, request))
        return Response(KillSerializer(agreed, context=_context(request)).data, status=201)


def _context(request: Request) -> dict[str, Person]:
    return {"person": person_of(request)}


def _scope(request: Request, kind: ScopeKind, target: str) -> Scope:
    if (kind is ScopeKind.ALL) is bool(target):
        raise InvalidInput(
            "Name a target for everything but a stop of all, and none for that. Nothing was stopped.",
            errors=[{"pointer": "/target", "detail": "is not allowed here" if target else "is required"}],
        )
    if kind is ScopeKind.ALL:
        return None
    if kind is ScopeKind.AGENT:
        return named_agent(request, target).pk
    if kind is ScopeKind.TEAM:
        return visible_team(request, target, "/target").pk
    if kind is ScopeKind.RUN:
        return _visible_run(request, target)
    return target


def _visible_run(request: Request, target: str) -> UUID:
    """The run's id. A run out of sight and one that does not exist give the same answer."""
    try:
        run = UUID(target)
    except ValueError as error:
        detail = {"pointer": "/target", "detail": "must be the id of a run"}
        raise InvalidInput("A run is named by its id. Nothing was stopped.", errors=[detail]) from error
    agent = agent_of_run(run)
    if agent is None or not visible_agents(person_of(request)).filter(pk=agent.pk).exists():
        raise NotFound("There is no such run, or it is not yours to see. Nothing was stopped.")
    return run


def _whole(orders: QuerySet[KillOrder]) -> QuerySet[KillOrder]:
    return orders.prefetch_related("agreements__person")
