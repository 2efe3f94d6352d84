"""Oversight over the API: how requests are decided, by team, and by person as far as the caller may see."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.rules.oversight import Findings
from approvals.selectors.oversight import PERIODS, Period, oversight_for, people_for, quick_seconds
from portal.errors import InvalidInput
from portal.ledger.selectors.entries import database_now
from registry.api.asking import person_of
from registry.api.serializers import PersonSerializer


class LookedSerializer(serializers.Serializer[Any]):
    """``measured`` approvals have a known time on view; of ``folds_known`` the browser said whether all was open."""

    decisions = serializers.IntegerField()
    approved = serializers.IntegerField()
    denied = serializers.IntegerField()
    returned = serializers.IntegerField()
    measured = serializers.IntegerField()
    quick = serializers.IntegerField()
    folds_known = serializers.IntegerField()
    unexpanded = serializers.IntegerField()
    median_seconds = serializers.IntegerField(allow_null=True)


class CaughtSerializer(serializers.Serializer[Any]):
    caught = serializers.IntegerField()
    missed = serializers.IntegerField()
    lapsed = serializers.IntegerField()


class CameSerializer(serializers.Serializer[Any]):
    """Of what was let through: what its executor reported. ``unknown``: nothing."""

    redeemed = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()


class TeamOversightSerializer(serializers.Serializer[Any]):
    """``never_say_no``: how many people approve more than 98 in 100 of at least 50 requests."""

    team = serializers.CharField()
    looked = LookedSerializer()
    canaries = CaughtSerializer()
    came = CameSerializer()
    expired = serializers.IntegerField()
    cool_downs = serializers.IntegerField()
    never_say_no = serializers.IntegerField()
    flags = serializers.ListField(child=serializers.CharField())


class PersonOversightSerializer(serializers.Serializer[Any]):
    person = PersonSerializer()
    looked = LookedSerializer()
    canaries = CaughtSerializer()
    flags = serializers.ListField(child=serializers.CharField())


class OversightSerializer(serializers.Serializer[Any]):
    """``people``: everybody for security, only oneself for everybody else."""

    days = serializers.IntegerField()
    since = serializers.DateTimeField()
    quick_seconds = serializers.IntegerField()
    teams = TeamOversightSerializer(many=True)
    people = PersonOversightSerializer(many=True)


class Oversight(APIView):
    @extend_schema(
        operation_id="oversight_retrieve",
        summary="How requests are decided",
        tags=["approvals"],
        parameters=[OpenApiParameter("days", int, enum=list(PERIODS), description="The last so many days; 30.")],
        responses=OversightSerializer,
    )
    def get(self, request: Request) -> Response:
        """By team for its managers, all for security and auditors. Canaries are counted apart."""
        person, period, quick = person_of(request), _period(request), quick_seconds()
        found = {
            "days": period.days,
            "since": period.start,
            "quick_seconds": quick,
            "teams": [{"team": row.team.slug, **_row(row.findings, quick)} for row in oversight_for(person, period)],
            "people": [{"person": row.person, **_row(row.findings, quick)} for row in people_for(person, period)],
        }
        return Response(OversightSerializer(found).data)


def _period(request: Request) -> Period:
    text = request.query_params.get("days", "30")
    if text not in map(str, PERIODS):
        raise InvalidInput(f"“days” must be one of {', '.join(map(str, PERIODS))}.")
    return Period(int(text), database_now())


def _row(findings: Findings, quick: int) -> dict[str, Any]:
    median = findings.looked.median
    looked = {**asdict(findings.looked), "median_seconds": None if median is None else round(median.total_seconds())}
    return {**asdict(findings), "looked": looked, "flags": findings.flags(quick)}
