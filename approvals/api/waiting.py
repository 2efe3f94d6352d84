"""Holding an agent's question until something is decided: few at a time, so that waiting never stops checking."""

from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Final

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from portal.ledger.selectors.entries import database_now

# Of each web process, which has eight threads; the others go on answering checks.
MOST_HELD: Final = 3
MOST_SECONDS: Final = 25
EVERY: Final = 0.5

_places = BoundedSemaphore(MOST_HELD)


def wait_for_news(asked: ApprovalRequest, seconds: int) -> bool:
    """Hold until the request is no longer pending, its time is over, or the seconds are.

    False at once when as many are held as may be; whoever is told so comes back later.
    """
    if not _places.acquire(blocking=False):
        return False
    try:
        until = monotonic() + min(seconds, MOST_SECONDS)
        while _is_pending(asked) and monotonic() < until:
            sleep(EVERY)
    finally:
        _places.release()
    return True


def _is_pending(asked: ApprovalRequest) -> bool:
    """Read fresh, outside any transaction. Short of its end: what has expired is told as expired."""
    state = ApprovalRequest.objects.filter(pk=asked.pk).values_list("state", flat=True).first()
    return state == RequestState.PENDING.value and database_now() < asked.expires_at
