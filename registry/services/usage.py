"""Keeping what was counted of an agent's use; the counting itself is done where checks are understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from registry.models import Agent, ScopeUse
from registry.rules.recertification import Granted


@dataclass(frozen=True, slots=True)
class Use:
    """How many recorded checks needed an entry, and when the last of them was."""

    count: int
    last_used_at: datetime | None


@transaction.atomic(durable=True)
def store_usage(*, agent_id: UUID, uses: Mapping[Granted, Use], since: datetime, at: datetime) -> None:
    """Put the counts of ``[since, at)`` in place of the agent's earlier ones, as a whole.

    Derived from the ledger and counted anew at will, so it has no entry of its own. A count that is older than
    what is stored changes nothing.
    """
    Agent.objects.select_for_update().only("pk").get(pk=agent_id)
    stored = ScopeUse.objects.filter(agent_id=agent_id)
    if stored.filter(counted_at__gt=at).exists():
        return
    stored.delete()
    ScopeUse.objects.bulk_create(
        ScopeUse(
            agent_id=agent_id,
            pointer=granted.pointer,
            entry=granted.entry,
            count=use.count,
            last_used_at=use.last_used_at,
            counted_since=since,
            counted_at=at,
        )
        for granted, use in uses.items()
    )
