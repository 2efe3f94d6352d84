"""Reading who may decide a request, who did, and whose verdict still counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from approvals.models import ApprovalRequest, Review
from approvals.rules.delegation import runs
from approvals.rules.duties import Ties
from approvals.rules.eligibility import Borrowed, Chosen, PersonFacts, Refusal, RequestFacts, may_review
from approvals.rules.stages import Settled, Stage, blocked, settle, stored_stages
from approvals.rules.workflow import RequestState, ReviewFact, Verdict
from approvals.selectors.delegations import StandIn, account_of, held_by, is_overseer
from approvals.selectors.duties import duties_of, ties_of
from approvals.selectors.rights import Held, Rights, given_by, groups_held, rights_of
from approvals.selectors.rulebook import book_in_force
from portal.identity.models import Person
from portal.identity.rules.roles import Authority
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from portal.reading import once

__all__ = [
    "Capacity",
    "blocked_in",
    "blocked_sentence",
    "capacities",
    "duties_of",
    "open_stage",
    "refusal",
    "reviewers_of",
    "reviews_of",
    "settled",
]


@dataclass
class Scene:
    """What the questions about one request rest on, each part read once and when it is first needed."""

    request: ApprovalRequest
    now: datetime

    @cached_property
    def team_id(self) -> UUID:
        return self.request.agent.owner_team_id

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return stored_stages(self.request.stages)

    @cached_property
    def groups(self) -> frozenset[str]:
        """Every group that any stage asks."""
        return frozenset[str]().union(*(stage.who for stage in self.stages))

    @cached_property
    def ties(self) -> Ties:
        return ties_of(self.request)

    @cached_property
    def reviews(self) -> list[Review]:
        """Every verdict, oldest first, with who gave it and in whose right."""
        return in_order(Review.objects.filter(request=self.request).select_related("person", "on_behalf_of"))

    @cached_property
    def last(self) -> list[Review]:
        """Of each natural person, as the accounts are linked now, the last verdict, unless it took one back.

        Of two accounts that each gave their first before they were linked, the one that says no comes last.
        """
        latest: dict[UUID, Review] = {}
        for review in sorted(self.reviews, key=lambda one: (one.turn, one.verdict != Verdict.APPROVE.value)):
            latest[review.person.human] = review
        return [one for one in latest.values() if one.verdict != Verdict.RETRACT.value]

    @cached_property
    def voters(self) -> Rights:
        """What those hold whose right an approval used."""
        return rights_of(voters_of(self.reviews))

    @cached_property
    def holders(self) -> dict[UUID, list[Held]]:
        """Everybody who holds a group where the agent's team counts, whether a stage asks it or not."""
        return rights_of().over(self.team_id)

    @cached_property
    def humans(self) -> Mapping[UUID, UUID]:
        """The natural person behind each of those accounts."""
        return dict(Person.objects.filter(pk__in=self.holders).values_list("pk", "human"))

    @cached_property
    def lately(self) -> timedelta:
        """For how long a role that somebody with a part gave decides nothing of theirs."""
        return timedelta(days=book_in_force().book.duties.policy_editor_days)

    @cached_property
    def chosen(self) -> dict[UUID, tuple[Chosen, ...]]:
        """Whose role somebody with a part in the request gave, so lately that it may have been for this request."""
        return given_by(self.ties.humans, team_id=self.team_id, since=self.now - self.lately)

    @cached_property
    def standing(self) -> list[tuple[Review, ReviewFact]]:
        """The verdicts that count, of each natural person the last, as of now.

        Every denial and every request for changes counts. An approval counts while whoever gave it has the right it
        was given in without a break since, not lately from somebody with a part, has no part in the request, and is not
        the same person as another who approved; a borrowed right counts while the delegation runs and the giver has it
        still and has not decided himself.
        """
        return _standing(self)

    @cached_property
    def eligible(self) -> dict[str, frozenset[UUID]]:
        """For each group that the stages name, the natural persons whose right in it can still be used.

        Whoever stands in for somebody uses that right and adds none, so it is counted with its holder. The turn of a
        stage does not matter: who decides in a later one will.
        """
        return _eligible(self)

    @cached_property
    def settled(self) -> Settled:
        return settle(self.stages, [fact for _, fact in self.standing])

    @cached_property
    def facts(self) -> RequestFacts:
        return RequestFacts(
            stages=self.stages,
            open=self.settled.stage,
            ties=self.ties,
            voted=frozenset(review.person.human for review in self.last),
            used=frozenset(review.on_behalf_of.human for review in self.last if review.on_behalf_of),
            pending=self.request.state == RequestState.PENDING.value,
        )


def in_order(reviews: Iterable[Review]) -> list[Review]:
    return sorted(reviews, key=lambda review: (review.at, review.turn, review.pk))


def voters_of(reviews: Iterable[Review]) -> set[UUID]:
    """The accounts whose right a verdict used."""
    people = {key for review in reviews for key in (review.person_id, review.on_behalf_of_id)}
    return {key for key in people if key is not None}


@once
def scene_of(request: ApprovalRequest) -> Scene:
    return Scene(request, database_now())


def refusal(
    request: ApprovalRequest, person: Person, authority: Authority, on_behalf_of: Person | None = None
) -> Refusal | None:
    """Why this person may not decide this request, shown before the click and enforced below it.

    In their own right, or in that of ``on_behalf_of``, under a delegation that runs. The account is read again: who
    asks may have waited for the request's lock while it was closed or linked with another.
    """
    scene, person = scene_of(request), Person.objects.get(pk=person.pk)
    if on_behalf_of is None:
        return _in_own_right(scene, person, authority)
    return _in_right_of(scene, person, authority, on_behalf_of)


def _in_own_right(scene: Scene, person: Person, authority: Authority) -> Refusal | None:
    return may_review(_facts(scene, person, groups_held(authority, scene.team_id)), scene.facts)


def _facts(scene: Scene, person: Person, groups: frozenset[str]) -> PersonFacts:
    return PersonFacts(account_of(person), person.is_active, groups, chosen=scene.chosen.get(person.pk, ()))


def _in_right_of(scene: Scene, person: Person, authority: Authority, giver: Person) -> Refusal | None:
    """None as soon as one of the delegations between the two carries it; else why the first does not."""
    lent = held_by(person, now=scene.now, giver=giver)
    if not lent:
        none = Borrowed(account_of(giver), runs=False)
        return may_review(PersonFacts(account_of(person), person.is_active, frozenset(), none), scene.facts)
    found = [_with(scene, person, authority, one) for one in lent]
    return None if None in found else found[0]


def _with(scene: Scene, person: Person, authority: Authority, lent: StandIn) -> Refusal | None:
    facts = PersonFacts(
        account_of(person),
        person.is_active,
        lent.groups(scene.team_id),
        lent.borrowed,
        overseer=is_overseer(authority),
        chosen=scene.chosen.get(lent.giver.pk, ()),
    )
    return may_review(facts, scene.facts)


@dataclass(frozen=True)
class Capacity:
    """A group that somebody can decide for now: in their own right, or in that of whoever delegated it to them."""

    group: str
    on_behalf_of: Person | None = None


def capacities(request: ApprovalRequest, person: Person) -> tuple[Capacity, ...]:
    """The groups of the stage that is open which this person may count for now, their own right first."""
    scene, authority = scene_of(request), authority_of(person)
    found = []
    turn = scene.stages[scene.settled.stage]
    if _in_own_right(scene, person, authority) is None:
        own = _facts(scene, person, groups_held(authority, scene.team_id)).counting
        found += [Capacity(group) for group in turn.groups if group in own]
    for lent in held_by(person, now=scene.now):
        if _with(scene, person, authority, lent) is None:
            groups = _facts(scene, lent.giver, lent.groups(scene.team_id)).counting
            found += [Capacity(group, lent.giver) for group in turn.groups if group in groups]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Reviewer:
    """Someone with the right to decide for a group of the request, and why not this request, if so."""

    person: Person
    refusal: Refusal | None
    groups: tuple[str, ...] = ()


def reviewers_of(request: ApprovalRequest) -> list[Reviewer]:
    """Everyone in a group that the request asks, by name; those who have decided this one already are left out."""
    return _reviewers(scene_of(request))


def _reviewers(scene: Scene) -> list[Reviewer]:
    holders = {
        person_id: frozenset(one.group for one in held) & scene.groups for person_id, held in scene.holders.items()
    }
    people = Person.objects.filter(pk__in=[key for key, groups in holders.items() if groups])
    return [
        Reviewer(
            person,
            may_review(_facts(scene, person, holders[person.pk]), scene.facts),
            tuple(sorted(holders[person.pk])),
        )
        for person in people.order_by("name", "email")
        if person.human not in scene.facts.voted
    ]


def _eligible(scene: Scene) -> dict[str, frozenset[UUID]]:
    gone = scene.ties.humans | scene.facts.voted | scene.facts.used
    found: dict[str, set[UUID]] = {group: set() for group in scene.groups}
    for person_id, held in scene.holders.items():
        chosen = {one.group for one in _chosen_lately(scene, held, scene.now)}
        for one in held:
            if one.group in found and one.group not in chosen and scene.humans[person_id] not in gone:
                found[one.group].add(scene.humans[person_id])
    return {group: frozenset(members) for group, members in found.items()}


def blocked_sentence(request: ApprovalRequest) -> str | None:
    """What is missing when the people who may decide are too few; the requirement is never relaxed."""
    if request.state != RequestState.PENDING.value:
        return None
    return blocked_in(scene_of(request))


def blocked_in(scene: Scene) -> str | None:
    """The same of a scene that is at hand."""
    try:
        stages = scene.stages
    except ValueError:  # whatever wrote it: a list must not fail because of one row
        return "What is stored of its stages asks nobody, and nobody can decide it."
    return blocked(stages, scene.eligible, [fact for _, fact in scene.standing])


def open_stage(request: ApprovalRequest) -> int:
    """The index of the stage whose turn it is."""
    return scene_of(request).settled.stage


def settled(request: ApprovalRequest) -> Settled:
    """What the verdicts that stand come to. To act on it, lock the request's row first."""
    return scene_of(request).settled


def reviews_of(request: ApprovalRequest) -> list[Review]:
    """The reviews so far with their people, oldest first; ``counts`` tells whether it is one of those that stand."""
    scene = scene_of(request)
    counted = {review.pk for review, _ in scene.standing}
    for review in scene.reviews:
        review.counts = review.pk in counted  # type: ignore[attr-defined]  # what a list of them shows beside each
    return scene.reviews


def _standing(scene: Scene) -> list[tuple[Review, ReviewFact]]:
    approvals = [review for review in scene.last if review.verdict == Verdict.APPROVE.value]
    others = [review for review in scene.last if review.verdict != Verdict.APPROVE.value]
    rights = scene.voters.over(scene.team_id)
    spoken = {review.person.human for review in scene.last}
    found = [(review, ReviewFact(review.person.human, Verdict(review.verdict))) for review in others]
    used: set[UUID] = set()  # natural persons whose right has been counted
    # A right is counted for its holder before it is for whoever stands in.
    for review in sorted(approvals, key=lambda one: (one.on_behalf_of_id is not None, one.at, one.pk)):
        group = _counts_for(scene, review, rights, spoken)
        holder = review.on_behalf_of or review.person
        if group is None or holder.human in used or review.person.human in used:
            continue
        used |= {holder.human, review.person.human}
        found.append((review, ReviewFact(review.person.human, Verdict.APPROVE, group)))
    return found


def _counts_for(scene: Scene, review: Review, rights: Mapping[UUID, list[Held]], spoken: set[UUID]) -> str | None:
    """The group that an approval counts for now; None when it does not."""
    person, giver = review.person, review.on_behalf_of
    if not person.is_active or person.human in scene.ties.humans:
        return None
    if giver is None:
        return _still(scene, review, _own(scene, rights.get(person.pk, ()), review.at))
    if giver.human in spoken or giver.human in scene.ties.humans or is_overseer(authority_of(person)):
        return None
    own = _own(scene, rights.get(giver.pk, ()), review.at)
    for lent in held_by(person, now=scene.now, giver=giver):
        row = lent.delegation
        maker_tied = not lent.by_giver and lent.made_by.human in scene.ties.humans
        if (
            row.made_at <= review.at
            and not maker_tied
            and runs(row.starts_at, row.ends_at, row.ended_at, now=scene.now)
        ):
            group = _still(scene, review, own & lent.groups(scene.team_id))
            if group is not None:
                return group
    return None


def _own(scene: Scene, held: Sequence[Held], at: datetime) -> frozenset[str]:
    """What is held since before the verdict, so not what came back later, nor was given lately by somebody with a part.

    Parts come to light after it too; the days count up to the verdict, so that waiting makes none good again.
    """
    chosen = _chosen_lately(scene, held, at)
    return frozenset(one.group for one in held if (one.since is None or one.since <= at) and one not in chosen)


def _chosen_lately(scene: Scene, held: Iterable[Held], at: datetime) -> set[Held]:
    """Those of the rights which somebody with a part in the request gave in the days before this moment."""
    tied = [one for one in held if one.by in scene.ties.humans]
    return {one for one in tied if one.since is not None and one.since > at - scene.lately}


def _still(scene: Scene, review: Review, held: frozenset[str]) -> str | None:
    """The group that it was given for, else another of the same stage."""
    if review.capacity in held:
        return review.capacity
    stage = scene.stages[review.stage] if review.stage < len(scene.stages) else scene.stages[0]
    return next((group for group in stage.groups if group in held), None)
