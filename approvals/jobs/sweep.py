"""Ending requests and grants that time or the world has overtaken, a row at a time, each in its own transaction."""

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from approvals.selectors.grants import dead_grants, silent_grants
from approvals.selectors.requests import standing_pending
from approvals.services.grant import end_if_dead
from approvals.services.outcome import SILENT_AFTER, give_up_waiting
from approvals.services.request import end_if_overtaken
from portal.ledger.selectors.entries import database_now

LIMIT = 500


def end_overtaken() -> int:
    """End pending requests that can no longer be decided, the oldest first; returns how many were ended."""
    pending = ApprovalRequest.objects.filter(state=RequestState.PENDING.value)
    standing = ApprovalRequest.objects.filter(standing_pending(database_now())).values("pk")
    overtaken = pending.exclude(pk__in=standing).order_by("expires_at")
    keys = list(overtaken.values_list("pk", flat=True)[:LIMIT])
    return sum(end_if_overtaken(request_id=key) for key in keys)


def end_dead_grants() -> int:
    """Write down which unused grants have expired or died with the world; returns how many. Nothing rests on it."""
    keys = list(dead_grants(database_now()).values_list("request_id", flat=True)[:LIMIT])
    return sum(end_if_dead(request_id=key) for key in keys)


def note_silence() -> int:
    """Write down of which actions nobody said how they ended; returns how many."""
    keys = list(silent_grants(database_now() - SILENT_AFTER).values_list("pk", flat=True)[:LIMIT])
    return sum(give_up_waiting(grant_id=key) for key in keys)
