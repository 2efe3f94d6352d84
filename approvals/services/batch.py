"""Deciding several requests at once: each bound to exactly what was shown of it, all of them or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from approvals.models import ApprovalRequest
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import Verdict
from approvals.selectors.deciding import is_irreversible, step_up_of
from approvals.selectors.requests import visible_requests
from approvals.services.refused import keep_refusal
from approvals.services.request import lock
from approvals.services.review import Shown, Weight, give, weigh
from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound, PortalError
from portal.identity.models import Person
from portal.identity.proof import StepUpRequired

MOST_AT_ONCE = 50


class BatchRefused(Conflict):
    """Some of a batch cannot be decided, so none was. ``items`` says of each of them why."""

    code, title = "batch-refused", "Nothing of the batch was recorded"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch, the hash of the view of it that was shown, and how this one of them was looked at."""

    number: int
    view_hash: bytes
    shown: Shown | None = None


def review_batch(
    *,
    actor: Person,
    items: Sequence[BatchItem],
    verdict: Verdict,
    reason: str,
    sign_in: Sequence[str] = (),
    fresh: bool = False,
) -> list[ApprovalRequest]:
    """Give one verdict on several requests, or on none of them.

    Raises NotFound (404) when any is out of the actor's sight, InvalidInput (400) for a reason that does not do,
    StepUpRequired (403) when the actor has to prove first who they are, and else BatchRefused (409), which names each
    request that is in the way and what of it has changed.
    """
    _refuse_shape(items, verdict)
    _refuse_unseen(actor, items)
    faults: list[tuple[ApprovalRequest, PortalError]] = []
    try:
        with transaction.atomic(durable=True):
            weighed = _weigh_all(actor, items, verdict, reason, sign_in, fresh, faults)
            _refuse_faults(faults, len(items))
            for request, weight in weighed:
                give(actor=actor, request=request, verdict=verdict, reason=reason, weight=weight)
    except PortalError:
        for request, error in faults:
            keep_refusal(actor=actor, request=request, verdict=verdict, error=error)
        raise
    return [request for request, _ in weighed]


def _weigh_all(  # noqa: PLR0917  what a review takes, and where its refusals are put
    actor: Person,
    items: Sequence[BatchItem],
    verdict: Verdict,
    reason: str,
    sign_in: Sequence[str],
    fresh: bool,
    faults: list[tuple[ApprovalRequest, PortalError]],
) -> list[tuple[ApprovalRequest, Weight]]:
    """Each request with the weight of the verdict on it, its row locked; what refuses one is put to ``faults``."""
    # In the order of their numbers, so that two batches that share requests wait for each other and never both ways.
    chosen = {item.number: item for item in items}
    requests = [lock(one) for one in ApprovalRequest.objects.filter(number__in=chosen).only("pk").order_by("number")]
    weighed: list[tuple[ApprovalRequest, Weight]] = []
    for request in requests:
        try:
            _refuse_alone(request, verdict)
            weight = weigh(
                actor=actor,
                request=request,
                verdict=verdict,
                reason=reason,
                view_hash=chosen[request.number].view_hash,
                sign_in=sign_in,
                shown=chosen[request.number].shown,
                fresh=fresh,
            )
        except PortalError as error:
            faults.append((request, error))
        else:
            weighed.append((request, weight))
    return weighed


def _refuse_shape(items: Sequence[BatchItem], verdict: Verdict) -> None:
    fault = None
    if not items:
        fault = "names no request"
    elif len(items) > MOST_AT_ONCE:
        fault = f"names {len(items)} requests; at most {MOST_AT_ONCE} are decided at once"
    elif len({item.number for item in items}) != len(items):
        fault = "names a request twice"
    if fault is not None:
        raise InvalidInput(f"The batch {fault}. Nothing was recorded.", errors=[{"pointer": "/items", "detail": fault}])
    if verdict not in {Verdict.APPROVE, Verdict.DENY, Verdict.CHANGES}:
        raise InvalidInput("A batch is approved, denied or sent back. Nothing was recorded.")


def _refuse_unseen(actor: Person, items: Sequence[BatchItem]) -> None:
    """404 when any is out of sight: whether it exists is not told."""
    wanted = {item.number for item in items}
    seen = set(visible_requests(actor).filter(number__in=wanted).values_list("number", flat=True))
    missing = ", ".join(f"AR-{number}" for number in sorted(wanted - seen))
    if missing:
        raise NotFound(f"There is no such request, or it is not yours to see: {missing}. Nothing was recorded.")


def _refuse_alone(request: ApprovalRequest, verdict: Verdict) -> None:
    """What must be looked at by itself is not approved among others."""
    if verdict is Verdict.APPROVE and (step_up_of(request) is StepUp.PASSKEY or is_irreversible(request)):
        why = "takes a passkey" if step_up_of(request) is StepUp.PASSKEY else "cannot be undone"
        raise NotAllowed(f"{request.label} {why}, so it is approved by itself, on its own page.", reason="alone")


def _refuse_faults(faults: list[tuple[ApprovalRequest, PortalError]], total: int) -> None:
    """All or nothing. What is wrong with the batch as a whole is said as such, the rest request by request."""
    if not faults:
        return
    for _, error in faults:
        if isinstance(error, InvalidInput | StepUpRequired) and len({fault.code for _, fault in faults}) == 1:
            raise error
    named = ", ".join(request.label for request, _ in faults)
    stand = "stands" if len(faults) == 1 else "stand"
    raise BatchRefused(
        f"{named} {stand} in the way, so none of the {total} was decided. Look at what changed, then choose again.",
        items=[_told(request, error) for request, error in faults],
    )


def _told(request: ApprovalRequest, error: PortalError) -> dict[str, Any]:
    return {
        "number": request.label,
        "code": error.code,
        "detail": error.detail,
        "difference": error.extra.get("difference", []),
    }
