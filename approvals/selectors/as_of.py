"""Reading how requests stand now, whether or not the sweep has written it down, and which nobody can complete."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from approvals.selectors.requests import NOT_IN_TIME, overtaken, standing_pending
from approvals.selectors.reviewing import blocked_sentence
from approvals.selectors.reviewing_many import blocked_among

MOVED: Final = "What it rests on has changed since it was opened."


@dataclass(frozen=True, slots=True)
class AsOf:
    """The state at a moment, why it has ended, and why it cannot be completed: that only while it stands."""

    state: str
    because: str
    blocked: str | None


def as_of(request: ApprovalRequest, *, now: datetime) -> AsOf:
    """Of one request, with the whole reason."""
    over = overtaken(request, now=now)
    if over is not None:
        return AsOf(over.state.value, over.because, None)
    return AsOf(request.state, request.state_reason, blocked_sentence(request))


def all_as_of(requests: Sequence[ApprovalRequest], *, now: datetime) -> dict[UUID, AsOf]:
    """Of several, in as many queries for one as for all; of what the world has overtaken it says no more than that."""
    waiting = [request.pk for request in requests if request.state == RequestState.PENDING.value]
    standing = ApprovalRequest.objects.filter(standing_pending(now), pk__in=waiting)
    stands = set(standing.order_by().values_list("pk", flat=True)) if waiting else set()
    blocked = blocked_among(ApprovalRequest.objects.filter(pk__in=stands)) if stands else {}
    return {request.pk: _one_of(request, stands, blocked, now=now) for request in requests}


def _one_of(request: ApprovalRequest, stands: set[UUID], blocked: dict[UUID, str], *, now: datetime) -> AsOf:
    if request.state != RequestState.PENDING.value or request.pk in stands:
        return AsOf(request.state, request.state_reason, blocked.get(request.pk))
    if request.expires_at <= now:
        return AsOf(RequestState.EXPIRED.value, NOT_IN_TIME, None)
    return AsOf(RequestState.VOIDED.value, MOVED, None)


def in_state(state: RequestState, *, now: datetime) -> Q:
    """The requests that are in this state now: those stored in it, less and more what the world has overtaken."""
    pending = RequestState.PENDING.value
    if state is RequestState.PENDING:
        return standing_pending(now)
    stored = Q(state=state.value)
    if state is RequestState.EXPIRED:
        return stored | Q(state=pending, expires_at__lte=now)
    if state is RequestState.VOIDED:
        return stored | (Q(state=pending, expires_at__gt=now) & ~standing_pending(now))
    return stored
