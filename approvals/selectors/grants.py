"""Reading grants: whether one can still be used, and if not, why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from approvals.models import ApprovalRequest, Grant
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState, grant_usable
from approvals.selectors.requests import moved_since, standing_approved
from approvals.selectors.reviewing import settled
from registry.models import Agent


@dataclass(frozen=True)
class GrantStatus:
    """What a grant is worth now. ``state`` is derived: a grant dies by the world changing, not by being updated."""

    state: GrantState
    because: str
    at: datetime | None


def grant_of(request: ApprovalRequest) -> Grant | None:
    return Grant.objects.filter(request=request).first()


def status_of(grant: Grant, request: ApprovalRequest, *, now: datetime) -> GrantStatus:
    """The grant's status with the reason in a sentence; the statement that redeems asks the same."""
    if grant.state == GrantState.REDEEMED.value:
        return GrantStatus(GrantState.REDEEMED, "The action was let through, once.", grant.redeemed_at)
    if grant.state == GrantState.ISSUED.value:
        dead = dead_because(grant, request)
        if dead:
            return GrantStatus(GrantState.VOIDED, dead, None)
        if not grant_usable(GrantState(grant.state), expires_at=grant.expires_at, now=now):
            return GrantStatus(GrantState.EXPIRED, "It was not used in time.", grant.expires_at)
        return GrantStatus(GrantState.ISSUED, "The agent may make exactly this call, once.", grant.expires_at)
    return GrantStatus(GrantState(grant.state), "", None)


def dead_because(grant: Grant, request: ApprovalRequest) -> str:
    """Why an unused grant would not be redeemed any more, its time aside; empty while it lives."""
    moved = moved_since(request)
    if moved is not None:
        since = moved.since[0].lower() + moved.since[1:]
        return f"It is dead: {since} after the approval." if moved.timed else f"It is dead: {since}."
    if grant.epoch != request.epoch:
        return "It is dead: the agent was stopped and resumed after the approval."
    if not still_approved(request):
        return "It is dead: someone who approved has lost the right to."
    return ""


def still_approved(request: ApprovalRequest) -> bool:
    """Whether the verdicts, counted anew, still approve it: each stage, each person once, each right still held."""
    return settled(request).state is RequestState.APPROVED


def usable_by(agent_id: UUID, *, most: int = 100) -> QuerySet[ApprovalRequest]:
    """What an agent waits for, and what was approved and not used, newest first; some of it may be dead."""
    own = ApprovalRequest.objects.select_related("agent", "agent__revision", "revision").filter(
        agent_id=agent_id, canary=False
    )
    waiting = Q(state=RequestState.PENDING.value)
    unused = Q(state=RequestState.APPROVED.value, grant__state=GrantState.ISSUED.value)
    return own.filter(waiting | unused).order_by("-number")[:most]


def dead_grants(now: datetime) -> QuerySet[Grant]:
    """The unused grants that have expired, or whose world is no longer there, the oldest first."""
    unused = Grant.objects.filter(state=GrantState.ISSUED.value)
    standing = Grant.objects.filter(state=GrantState.ISSUED.value, expires_at__gt=now, request__in=standing_approved())
    return unused.exclude(pk__in=standing.values("pk")).order_by("issued_at")


def silent_grants(before: datetime) -> QuerySet[Grant]:
    """The grants that were redeemed before then, and of which nobody has said how the call ended."""
    return Grant.objects.filter(state=GrantState.REDEEMED.value, outcome="", redeemed_at__lte=before).order_by(
        "redeemed_at"
    )


def unreported_calls(calls: Collection[str]) -> QuerySet[Grant]:
    """The grants that were redeemed for calls of these names, as far as their outcome is open."""
    return (
        Grant.objects.select_related("request")
        .filter(
            tool_use_id__in=sorted(calls), state=GrantState.REDEEMED.value, outcome__in=("", GrantOutcome.UNKNOWN.value)
        )
        .order_by("redeemed_at")
    )


def open_grants(agents: QuerySet[Agent], *, now: datetime) -> QuerySet[Grant]:
    """The grants of the agents that could still be used if nothing changed."""
    return Grant.objects.filter(agent__in=agents, state=GrantState.ISSUED.value, expires_at__gt=now).order_by()
