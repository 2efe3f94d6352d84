"""Reading what a decision of a request asks for, from its sealed view: how much of a reason, and which proof."""

from typing import Any
from uuid import UUID

import orjson

from approvals.models import ApprovalRequest, Review
from approvals.rules.reasons import SHORTEST
from approvals.rules.rulebook import StepUp
from approvals.rules.view import reversibility_of
from approvals.rules.workflow import Verdict
from registry.rules.actions import Reversibility


def reason_least(request: ApprovalRequest, verdict: Verdict) -> int:
    """How many characters the reason must have at least, as it was sealed when the request was opened."""
    if verdict is not Verdict.APPROVE:
        return SHORTEST
    return max(SHORTEST, int(_decides(request).get("reason_least", 0)))


def step_up_of(request: ApprovalRequest) -> StepUp:
    """What an approval must be confirmed with: the stricter of what is stored and what was sealed.

    A view of before the rulebook says nothing; then what cannot be undone asks for a fresh proof, as it did.
    """
    sealed = _decides(request).get("step_up")
    if sealed is None:
        sealed = StepUp.FRESH if is_irreversible(request) else StepUp.NONE
    return max(StepUp(sealed), StepUp(request.step_up), key=lambda proof: proof.rank)


def is_irreversible(request: ApprovalRequest) -> bool:
    """Whether any part of what is asked cannot be undone."""
    does = view_of(request)["action"]["does"]
    return any(reversibility_of(deed) is Reversibility.IRREVERSIBLE for deed in does)


def last_turn(request: ApprovalRequest, human: UUID) -> Review | None:
    """What this natural person said last of the request; None when they said nothing."""
    return Review.objects.filter(request=request, person__human=human).order_by("-turn").first()


def _decides(request: ApprovalRequest) -> dict[str, Any]:
    found: dict[str, Any] = view_of(request).get("decides") or {}
    return found


def run_of(request: ApprovalRequest) -> UUID | None:
    """The run that an entry about the request belongs to: none for a canary, which no run asked for."""
    return None if request.canary else request.run_id


def view_of(request: ApprovalRequest) -> dict[str, Any]:
    """The sealed view, read."""
    document: dict[str, Any] = orjson.loads(bytes(request.view))
    return document
