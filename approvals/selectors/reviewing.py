"""Reading who may decide a request, who did, and whose verdict still counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from approvals.models import ApprovalRequest, Review
from approvals.rules.eligibility import PersonFacts, Refusal, RequestFacts, may_review
from approvals.rules.workflow import RequestState, ReviewFact, Verdict
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import approvers_of


def refusal(
    request: ApprovalRequest, person: Person, authority: Authority, on_behalf_of: Person | None = None
) -> Refusal | None:
    """Why this person may not decide this request, shown before the click and enforced below it.

    In their own right, or in that of ``on_behalf_of``, under a delegation that runs.
    """
    return may_review(
        PersonFacts(
            person_id=person.pk,
            active=person.is_active,
            approver_of=frozenset(team for role, team in authority.roles if role is Role.APPROVER and team),
            security=authority.has(Role.SECURITY),
        ),
        _facts(request),
    )


def _facts(request: ApprovalRequest) -> RequestFacts:
    return RequestFacts(
        team_id=request.agent.owner_team_id,
        initiator_id=request.initiator_id,
        credential_issuer_id=request.credential_issuer_id,
        reviewed_by=frozenset(review.person_id for review in request.reviews.all()),
        pending=request.state == RequestState.PENDING.value,
    )


@dataclass(frozen=True)
class Reviewer:
    """Someone with the right to decide for the team, and why not this request, if so."""

    person: Person
    refusal: Refusal | None


def reviewers_of(request: ApprovalRequest) -> list[Reviewer]:
    """Everyone who decides for the team, by name; those who have decided this one already are left out."""
    facts = _facts(request)
    return [
        # Holding the right is what the query selected by, so the rule is asked about this request alone.
        Reviewer(person, may_review(PersonFacts(person.pk, person.is_active, frozenset({facts.team_id})), facts))
        for person in approvers_of(request.agent.owner_team)
        if person.pk not in facts.reviewed_by
    ]


def eligible_reviewers(request: ApprovalRequest) -> list[Person]:
    """Everyone who may decide it now, by name."""
    return [reviewer.person for reviewer in reviewers_of(request) if reviewer.refusal is None]


def reviews_of(request: ApprovalRequest) -> list[Review]:
    """The reviews so far with their people, oldest first; ``counts`` tells whether the reviewer still has the right."""
    still = RoleAssignment.objects.filter(
        Q(role=Role.SECURITY.value) | Q(role=Role.APPROVER.value, team_id=request.agent.owner_team_id),
        person_id=OuterRef("person_id"),
        person__is_active=True,
    )
    return list(request.reviews.select_related("person").annotate(counts=Exists(still)).order_by("at"))


def standing_reviews(request: ApprovalRequest) -> list[ReviewFact]:
    """The verdicts that count: every denial, and the approvals of people who still have the right."""
    return [
        ReviewFact(review.person_id, Verdict(review.verdict))
        for review in reviews_of(request)
        if review.verdict == Verdict.DENY.value or review.counts  # type: ignore[attr-defined]
    ]


@dataclass(frozen=True)
class Capacity:
    """A group that somebody can decide for now: in their own right, or in that of whoever delegated it to them."""

    group: str
    on_behalf_of: Person | None = None


def capacities(request: ApprovalRequest, person: Person) -> tuple[Capacity, ...]:
    """The groups of the stage that is open which this person may count for now, their own right first."""
    authority = authority_of(person)
    if refusal(request, person, authority) is not None:
        return ()
    return (Capacity("security" if authority.has(Role.SECURITY) else "team"),)


def eligible_by_group(request: ApprovalRequest) -> Mapping[str, frozenset[UUID]]:
    """For each group that the request's stages name, the natural persons in it who may decide this request."""
    humans = frozenset(person.human for person in eligible_reviewers(request))
    return {group: humans for stage in request.stages for group in stage["groups"]}


def blocked_sentence(request: ApprovalRequest) -> str | None:
    """What is missing when the people who may decide are too few; the requirement is never relaxed."""
    return None


@dataclass(frozen=True)
class Duty:
    """Somebody who has a part in a request: the sentences that say which, and by which way (another account)."""

    person: Person
    parts: tuple[str, ...]
    sentences: tuple[str, ...]


def duties_of(request: ApprovalRequest) -> list[Duty]:
    """Everybody who has a part in the request, by name."""
    return []
