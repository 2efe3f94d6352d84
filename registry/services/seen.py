"""Noting when an agent and its credential were last heard of: coarse, cheap, and never a lock for long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from registry.models import Agent, Credential

# Finer would make every report of a busy agent wait for the row that the last one still holds.
GRAIN = timedelta(minutes=1)
_MOST_KEPT = 20_000
# What this process has marked: spares a busy agent's reports two statements that would change nothing.
_marked: dict[UUID, datetime] = {}


def mark_seen(*, agents: Mapping[UUID, datetime], credentials: Mapping[UUID, datetime]) -> None:
    """Move the times forward, to the minute; at most one UPDATE for each agent and credential named.

    Runs in the caller's transaction and appends nothing: what was heard has entries of its own.
    """
    for agent_id, at in _due(agents):
        older = Q(last_seen_at=None) | Q(last_seen_at__lt=at - GRAIN)
        Agent.objects.filter(older, pk=agent_id).update(last_seen_at=at)
    for credential_id, at in _due(credentials):
        older = Q(last_used_at=None) | Q(last_used_at__lt=at - GRAIN)
        Credential.objects.filter(older, pk=credential_id).update(last_used_at=at)
    transaction.on_commit(lambda: _keep({**agents, **credentials}))


def _due(seen: Mapping[UUID, datetime]) -> list[tuple[UUID, datetime]]:
    return sorted((key, at) for key, at in seen.items() if key not in _marked or at - _marked[key] > GRAIN)


def _keep(seen: Mapping[UUID, datetime]) -> None:
    if len(_marked) >= _MOST_KEPT:
        _marked.clear()
    for key, at in seen.items():
        if key not in _marked or at - _marked[key] > GRAIN:
            _marked[key] = at
