"""Noting when an agent and its credential were last heard of: coarse, cheap, and never a lock for long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from registry.models import Agent, Credential

# Finer would make every report of a busy agent wait for the row that the last one still holds.
GRAIN = timedelta(minutes=1)


def mark_seen(*, agents: Mapping[UUID, datetime], credentials: Mapping[UUID, datetime]) -> None:
    """Move the times forward, to the minute; at most one UPDATE for each agent and credential named.

    Runs in the caller's transaction and appends nothing: what was heard has entries of its own.
    """
    for agent_id, at in sorted(agents.items()):
        older = Q(last_seen_at=None) | Q(last_seen_at__lt=at - GRAIN)
        Agent.objects.filter(older, pk=agent_id).update(last_seen_at=at)
    for credential_id, at in sorted(credentials.items()):
        older = Q(last_used_at=None) | Q(last_used_at__lt=at - GRAIN)
        Credential.objects.filter(older, pk=credential_id).update(last_used_at=at)
