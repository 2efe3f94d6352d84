"""Who answered for an agent at a moment: what it did is theirs, whoever owns it today."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from registry.models import Agent, Ownership


def ownerships_of(agent: Agent) -> QuerySet[Ownership]:
    """Every owner the agent has had, newest first."""
    return _whole().filter(agent=agent).order_by("-since", "-id")


def owner_at(agent_id: UUID, instant: datetime) -> Ownership | None:
    """Team, accountable person and deputy of the agent at an instant; None before it was registered."""
    return _whole().filter(agent_id=agent_id, since__lte=instant).order_by("-since", "-id").first()


def owners_at(moments: Iterable[tuple[UUID, datetime]]) -> dict[tuple[UUID, datetime], Ownership]:
    """The owner at each of many moments: one query, for lists and packages."""
    wanted = list(moments)
    by_agent: dict[UUID, list[Ownership]] = {}
    for row in _whole().filter(agent_id__in={agent for agent, _ in wanted}).order_by("-since", "-id"):
        by_agent.setdefault(row.agent_id, []).append(row)
    found = {}
    for agent_id, instant in wanted:
        owner = next((row for row in by_agent.get(agent_id, ()) if row.since <= instant), None)
        if owner is not None:
            found[agent_id, instant] = owner
    return found


def owners_between(agents: Iterable[UUID], start: datetime, end: datetime) -> dict[UUID, list[Ownership]]:
    """Who owned each agent in a period, in order: the one at its beginning, and every one that came in it."""
    rows: dict[UUID, list[Ownership]] = {}
    for row in _whole().filter(agent_id__in=set(agents), since__lt=end).order_by("since", "id"):
        known = rows.setdefault(row.agent_id, [])
        if row.since <= start:
            known.clear()
        known.append(row)
    return rows


def _whole() -> QuerySet[Ownership]:
    return Ownership.objects.select_related("team", "accountable_person", "deputy", "by")
