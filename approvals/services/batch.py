"""Deciding several requests at once: each bound to exactly what was shown of it, all of them or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from approvals.models import ApprovalRequest
from approvals.rules.workflow import Verdict
from approvals.services.review import Shown
from portal.identity.models import Person

MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch, and the hash of the view of it that was shown."""

    number: int
    view_hash: bytes


@transaction.atomic(durable=True)
def review_batch(
    *,
    actor: Person,
    items: Sequence[BatchItem],
    verdict: Verdict,
    reason: str,
    sign_in: Sequence[str] = (),
    shown: Shown | None = None,
    fresh: bool = False,
) -> list[ApprovalRequest]:
    """Give one verdict on several requests, or on none of them: BatchRefused (409) names each that is in the way."""
    raise NotImplementedError
