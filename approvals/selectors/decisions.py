"""Reading decisions in sums: how often each agent was allowed, sent for review and denied, day by day."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import TruncDate

from portal.ledger.models import Entry

DAYS: Final = 30
# As portal.web.charts takes it: a day's name and its counts by outcome, the oldest day first.
Series = list[tuple[str, dict[str, int]]]


def decisions_by_day(agents: Collection[UUID], *, now: datetime) -> dict[UUID, Series]:
    """The checks of the last 30 days (UTC) by agent, with one query; days without any are there as zeros."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    found = (
        Entry.objects.filter(
            agent_id__in=list(agents),
            type="approvals.check.decided",
            recorded_at__gte=datetime(first.year, first.month, first.day, tzinfo=UTC),
        )
        .order_by()
        .annotate(day=TruncDate("recorded_at", tzinfo=UTC))
        .values_list("agent_id", "day", "outcome")
        .annotate(checks=Count("id"))
    )
    days = [first + timedelta(days=count) for count in range(DAYS)]
    counts: dict[UUID, list[dict[str, int]]] = {agent: [{} for _ in days] for agent in agents}
    for agent, day, outcome, checks in found:
        counts[agent][(day - first).days][outcome or "other"] = checks
    return {
        agent: [(f"{day.day} {day:%b}", count) for day, count in zip(days, each, strict=True)]
        for agent, each in counts.items()
    }
