"""Reading requests: who may see them, in which order, and whether they still stand."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from approvals.models import ApprovalRequest
from approvals.rules.eligibility import PersonFacts, Refusal, RequestFacts, may_review
from approvals.rules.workflow import RequestState, Verdict
from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import approvers_of, authority_of
from registry.selectors.agents import visible_agents
from registry.selectors.kills import standing_of


def visible_requests(person: Person) -> QuerySet[ApprovalRequest]:
    """The requests of the agents a person may see."""
    return ApprovalRequest.objects.filter(agent__in=visible_agents(person)).select_related(
        "agent", "agent__owner_team", "revision", "initiator", "credential_issuer"
    )


def request_for(person: Person, number: int) -> ApprovalRequest:
    request = visible_requests(person).filter(number=number).first()
    if request is None:
        raise NotFound("There is no such request, or it is not yours to see.")
    return request


def pending(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What waits, the least time left first. What ran out of time is not waiting any more."""
    return (
        visible_requests(person)
        .filter(state=RequestState.PENDING.value, expires_at__gt=now)
        .annotate(approvals=Count("reviews", filter=Q(reviews__verdict=Verdict.APPROVE.value)))
        .order_by("expires_at", "number")
    )


def decided(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What has been settled, newest first."""
    return (
        visible_requests(person)
        .exclude(state=RequestState.PENDING.value, expires_at__gt=now)
        .order_by("-opened_at", "-number")
    )


@dataclass(frozen=True)
class Obstacle:
    """Why nobody can decide a pending request any more."""

    state: RequestState
    because: str


def obstacle(request: ApprovalRequest, *, now: datetime) -> Obstacle | None:
    """What has changed in the world since the request was opened; None while it still stands."""
    if now >= request.expires_at:
        return Obstacle(RequestState.EXPIRED, "Nobody decided in time.")
    if request.agent.revision_id != request.revision_id:
        return Obstacle(RequestState.VOIDED, "The agent's policy was revised after the request was opened.")
    standing = standing_of(request.agent)
    if standing.stopped_by:
        return Obstacle(RequestState.VOIDED, "The agent was stopped.")
    if standing.epoch != request.epoch:
        return Obstacle(RequestState.VOIDED, "The agent was stopped and resumed after the request was opened.")
    if request.agent.state != "active":
        return Obstacle(RequestState.VOIDED, f"The agent is {request.agent.state}.")
    return None


def refusal(request: ApprovalRequest, person: Person, authority: Authority) -> Refusal | None:
    """Why this person may not decide this request, shown before the click and enforced below it."""
    return may_review(
        PersonFacts(
            person_id=person.pk,
            active=person.is_active,
            approver_of=frozenset(team for role, team in authority.roles if role is Role.APPROVER and team),
            security=authority.has(Role.SECURITY),
        ),
        RequestFacts(
            team_id=request.agent.owner_team_id,
            initiator_id=request.initiator_id,
            credential_issuer_id=request.credential_issuer_id,
            reviewed_by=frozenset(review.person_id for review in request.reviews.all()),
            pending=request.state == RequestState.PENDING.value,
        ),
    )


def eligible_reviewers(request: ApprovalRequest) -> list[Person]:
    """Everyone who may decide it, by name."""
    people = approvers_of(request.agent.owner_team)
    return [person for person in people if refusal(request, person, authority_of(person)) is None]


def waiting_count(person: Person, *, now: datetime) -> int:
    """How many requests wait for this very person."""
    authority = authority_of(person)
    mine = pending(person, now=now).exclude(reviews__person=person)
    return sum(1 for request in mine[:200] if refusal(request, person, authority) is None)
