"""Planting canaries among real requests, at the rate of the rulebook."""

import secrets
from collections.abc import Sequence

from approvals.models import ApprovalRequest
from approvals.selectors.rulebook import book_in_force
from approvals.services.canaries import plant
from portal.ledger.models import Entry

OPENED = "approvals.request.opened"


def follow_requests(entries: Sequence[Entry]) -> None:
    """After each real request a canary may follow, by chance: nobody can count on when the next one comes."""
    rate = book_in_force().book.canaries.per_hundred
    if rate <= 0:
        return
    for entry in entries:
        data = entry.body["data"] if entry.type == OPENED else {}
        if not data or data.get("canary") or secrets.randbelow(100) >= rate:
            continue
        request = ApprovalRequest.objects.select_related("agent").filter(number=data["request"]).first()
        if request is not None:
            plant(like=request)
