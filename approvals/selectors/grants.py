"""Reading grants: whether one can still be used, and if not, why."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from approvals.models import ApprovalRequest, Grant
from approvals.rules.workflow import GrantState, grant_usable
from approvals.selectors.reviewing import standing_reviews
from registry.models import Agent
from registry.rules.lifecycle import AgentState
from registry.selectors.kills import standing_of


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
        dead = _dead(grant, request)
        if dead:
            return GrantStatus(GrantState.VOIDED, dead, None)
        if not grant_usable(GrantState(grant.state), expires_at=grant.expires_at, now=now):
            return GrantStatus(GrantState.EXPIRED, "It was not used in time.", grant.expires_at)
        return GrantStatus(GrantState.ISSUED, "The agent may make exactly this call, once.", grant.expires_at)
    return GrantStatus(GrantState(grant.state), "", None)


def _dead(grant: Grant, request: ApprovalRequest) -> str:
    agent = request.agent
    standing = standing_of(agent)
    if standing.stopped_by:
        return "It is dead: the agent was stopped."
    if standing.epoch != grant.epoch:
        return "It is dead: the agent was stopped and resumed after the approval."
    if agent.revision_id != grant.revision_id:
        return "It is dead: the agent's policy was revised after the approval."
    if agent.state != AgentState.ACTIVE.value:
        return f"It is dead: the agent is {agent.state}."
    if len({review.person_id for review in standing_reviews(request)}) < request.quorum:
        return "It is dead: someone who approved has lost the right to."
    return ""


def open_grants(agents: QuerySet[Agent], *, now: datetime) -> QuerySet[Grant]:
    """The grants of the agents that could still be used if nothing changed."""
    return Grant.objects.filter(agent__in=agents, state=GrantState.ISSUED.value, expires_at__gt=now).order_by()
