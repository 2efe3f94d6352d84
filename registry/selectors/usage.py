"""Reading granted against used: what an agent's policy grants, and how much of it was ever needed."""

from dataclasses import dataclass
from datetime import datetime

from registry.models import Agent, ScopeUse
from registry.rules.effective import Effective
from registry.rules.recertification import TIERS, Granted, entries_of
from registry.rules.tiers import Tier
from registry.selectors.policies import effective_of


@dataclass(frozen=True, kw_only=True)
class UseRow:
    """One granted entry. ``count`` is None when it was not counted, which is not the same as never used."""

    granted: Granted
    label: str
    tier: str = ""
    count: int | None = None
    last_used_at: datetime | None = None

    @property
    def never_used(self) -> bool:
        return self.count == 0


@dataclass(frozen=True, kw_only=True)
class UseTable:
    """Granted against used for one agent; ``counted_at`` is None before the first count."""

    entries: list[UseRow]
    actions: list[UseRow]
    counted_since: datetime | None
    counted_at: datetime | None

    @property
    def unused(self) -> int:
        return sum(row.never_used for row in [*self.entries, *self.actions])


def use_of(agent: Agent) -> UseTable:
    """The agent's table, entries in the order of its policy, actions in the order of the catalogue."""
    counted = {Granted(use.pointer, use.entry): use for use in ScopeUse.objects.filter(agent=agent)}
    latest = max(counted.values(), key=lambda use: use.counted_at, default=None)
    document = agent.revision.document if agent.revision is not None else {}
    return UseTable(
        entries=[_row(granted, granted.entry, counted) for granted in entries_of(document)],
        actions=_actions(effective_of(agent), counted) if document else [],
        counted_since=latest.counted_since if latest is not None else None,
        counted_at=latest.counted_at if latest is not None else None,
    )


def row_of(agent: Agent, granted: Granted) -> UseRow | None:
    """The agent's row of one entry; None when its policy does not grant it."""
    table = use_of(agent)
    return next((row for row in [*table.entries, *table.actions] if row.granted == granted), None)


def _actions(effective: Effective, counted: dict[Granted, ScopeUse]) -> list[UseRow]:
    """The actions that are not forbidden at any level, the organisation's own among them."""
    return [
        _row(Granted(TIERS, key), kind.label, counted, effective.tier(key).value)
        for key, kind in effective.catalogue.items()
        if effective.tier(key) is not Tier.FORBIDDEN
    ]


def _row(granted: Granted, label: str, counted: dict[Granted, ScopeUse], tier: str = "") -> UseRow:
    use = counted.get(granted)
    if use is None:
        return UseRow(granted=granted, label=label, tier=tier)
    return UseRow(granted=granted, label=label, tier=tier, count=use.count, last_used_at=use.last_used_at)
