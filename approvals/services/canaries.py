"""Canaries: planting a request that ought to be denied, and what follows when somebody decides it."""

from approvals.models import ApprovalRequest, Review


def settled(*, request: ApprovalRequest, review: Review) -> None:
    """End a canary by the first verdict on it, whatever the quorum; inside the transaction of that review.

    The caller has stored the review and its entry, and does nothing further: no count of votes, no grant. An approval
    ends it as voided (MISSED), a denial as denied and changes as returned (CAUGHT).
    """
    raise NotImplementedError
