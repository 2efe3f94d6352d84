"""Ending requests that time or the world has overtaken, a row at a time, each in its own transaction."""

from django.db.models import F, Q

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from approvals.services.request import end_if_overtaken
from portal.ledger.selectors.entries import database_now
from registry.models import KillState

LIMIT = 500


def end_overtaken() -> int:
    """Look at pending requests that may be over and end those that are; returns how many were ended."""
    pending = ApprovalRequest.objects.filter(state=RequestState.PENDING.value)
    overtaken = pending.filter(
        Q(expires_at__lte=database_now()) | ~Q(revision_id=F("agent__revision_id")) | ~Q(agent__state="active")
    )
    # A stop anywhere: every pending request is looked at, and its own epoch decides.
    suspects = pending if KillState.objects.exists() else overtaken
    keys = list(suspects.order_by("expires_at").values_list("pk", flat=True)[:LIMIT])
    return sum(end_if_overtaken(request_id=key) for key in keys)
