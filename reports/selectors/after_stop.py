"""Finding work that went on although it was stopped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.ledger.models import Entry
from registry.models import Agent, KillOrder
from registry.rules.kill import ScopeKind, keys_over
from registry.selectors.ownership import owners_at
from registry.selectors.stop_targets import target_of_key
from reports.rules.after_stop import CHECK, EVENT, Sign, is_after

MOST_READ = 5_000


@dataclass(frozen=True)
class Activity:
    """An entry that shows work within a stop."""

    order: KillOrder
    entry: Entry
    sign: Sign


def activity_in(entries: Sequence[Entry]) -> Iterator[Activity]:
    """The entries that show work within any stop, in order, once for each stop."""
    signs = [(entry, _sign(entry)) for entry in entries if entry.agent_id is not None]
    working = [(entry, sign) for entry, sign in signs if sign.is_work]
    if not working:
        return
    orders = _orders_between(
        min(min(sign.occurred_at, sign.recorded_at) for _, sign in working),
        max(sign.recorded_at for _, sign in working),
    )
    if not orders:
        return
    owners = owners_at((entry.agent_id, sign.occurred_at) for entry, sign in working if entry.agent_id)
    refused = _refused_calls([entry for entry, _ in working])
    for entry, sign in working:
        assert entry.agent_id  # noqa: S101 (filtered above; for the type checker)
        owner = owners.get((entry.agent_id, sign.occurred_at))
        if owner is None or _call(entry) in refused:
            continue
        keys = _keys(entry, owner.team_id)
        for order in orders:
            if order.key in keys and is_after(sign, ordered_at=order.ordered_at, resumed_at=order.resumed_at):
                yield Activity(order, entry, sign)


def activity_after(order: KillOrder, *, most: int = 20) -> tuple[list[Activity], bool]:
    """The first entries that show work within this stop, and whether there may be more than were read."""
    working = Q(type=EVENT) | Q(type=CHECK, outcome="allow")
    entries = covered_by(order).filter(working, recorded_at__gt=order.ordered_at)
    read = list(entries.order_by("recorded_at", "id")[:MOST_READ])
    found = [one for one in activity_in(read) if one.order.pk == order.pk]
    return found[:most], len(found) > most or len(read) == MOST_READ


def covered_by(order: KillOrder) -> QuerySet[Entry]:
    """The entries of what the stop covers, as far as that can be told from their columns; see ``is_covered``."""
    found = Entry.objects.exclude(agent_id=None)
    target = target_of_key(order.key)
    if target.kind is ScopeKind.RUN:
        return found.filter(run_id=target.scope_id)
    if target.agent is not None:
        return found.filter(agent_id=target.agent.pk)
    if target.kind is ScopeKind.TEAM:
        owned = Agent.objects.filter(owner_team=target.team_id).values_list("pk", flat=True)
        return found.filter(agent_id__in=list(owned))
    return found


def is_covered(entry: Entry, order: KillOrder) -> bool:
    """Whether the stop covers exactly what the entry is about."""
    if entry.agent_id is None:
        return False
    owner = owners_at([(entry.agent_id, entry.occurred_at)]).get((entry.agent_id, entry.occurred_at))
    return owner is not None and order.key in _keys(entry, owner.team_id)


def _orders_between(first: datetime, last: datetime) -> list[KillOrder]:
    """The stops that were in force at any time between; nearly always none."""
    live = Q(resumed_at=None) | Q(resumed_at__gt=first)
    return list(KillOrder.objects.filter(live, ordered_at__lt=last).order_by("number"))


def _sign(entry: Entry) -> Sign:
    return Sign.of(
        type=entry.type, data=entry.body["data"], occurred_at=entry.occurred_at, recorded_at=entry.recorded_at
    )


def _keys(entry: Entry, team_id: UUID) -> tuple[str, ...]:
    assert entry.agent_id  # noqa: S101 (filtered by the caller; for the type checker)
    data = entry.body["data"]
    return keys_over(
        agent_id=entry.agent_id,
        team_id=team_id,
        run_id=entry.run_id,
        actions=data.get("actions") or (),
        repository=data.get("repository"),
    )


def _call(entry: Entry) -> tuple[UUID | None, str]:
    return entry.run_id, str(entry.body["data"].get("tool_use_id") or "")


def _refused_calls(entries: Sequence[Entry]) -> set[tuple[UUID | None, str]]:
    """The calls among the reports that the portal itself refused: a report of one tells of the refusal."""
    asked = {_call(entry) for entry in entries if entry.type == EVENT and entry.run_id}
    asked = {call for call in asked if call[1]}
    if not asked:
        return set()
    checks = Entry.objects.filter(type=CHECK, outcome="deny", run_id__in={run for run, _ in asked})
    return asked & {_call(check) for check in checks}
