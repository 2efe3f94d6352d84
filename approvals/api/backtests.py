"""The backtest of a proposal over the API: how far it is, what it found, and running it again."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.jobs.backtest import send
from approvals.rules.backtest import BacktestStatus
from approvals.selectors.backtests import standing_for
from approvals.services.backtest import run_again
from portal.api.idempotency import idempotent
from portal.api.schema import refusal
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from registry.api.asking import person_of
from registry.selectors.proposals import proposal_for


class BacktestSerializer(serializers.Serializer[Any]):
    """``result`` is what the proposal's seal covers: counts and ids, nothing personal; {} before it is there. Who
    may not decide gets it without agents, teams and people out of their sight.

    ``fault`` says why the result does not carry a decision, null when it does.
    """

    status = serializers.ChoiceField(choices=[(status.value, status.name) for status in BacktestStatus])
    done = serializers.IntegerField(help_text="Recorded checks asked again so far.")
    total = serializers.IntegerField()
    reason = serializers.CharField(help_text="Why it ended, when it failed or was cancelled.")
    at = serializers.DateTimeField(allow_null=True)
    fault = serializers.CharField(allow_null=True)
    result = serializers.JSONField()


class ProposalBacktest(APIView):
    @extend_schema(
        operation_id="proposals_backtest",
        summary="The backtest of a proposal",
        tags=["policies"],
        responses=BacktestSerializer,
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(_standing(person_of(request), number))

    @extend_schema(
        operation_id="proposals_backtest_run",
        summary="Run the backtest again",
        tags=["policies"],
        request=None,
        responses={201: BacktestSerializer, 409: refusal("The proposal is settled, or its backtest is under way.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """For the proposal's author and everyone entitled to decide it."""
        person = person_of(request)
        proposal = proposal_for(person, number)
        run_again(actor=person, proposal=proposal)
        send(proposal.pk)
        return Response(_standing(person, number), status=201)


def _standing(person: Person, number: int) -> dict[str, Any]:
    standing = standing_for(person, proposal_for(person, number), database_now())
    return dict(BacktestSerializer(standing).data)
