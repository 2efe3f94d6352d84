"""Reading proposed rulebooks: what they change, who may agree, whether they still can be agreed to."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from approvals.models import Rulebook, RulebookProposal
from approvals.rules.rulebook import Book, ProposalState
from approvals.rules.rulebook_words import Change, Names, describe
from approvals.selectors.rulebook import InForceBook, book_of
from portal.errors import NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, holders_of
from registry.rules.second_person import Refusal


def may_write(person: Person) -> bool:
    """Only security writes and decides who decides."""
    return authority_of(person).has(Role.SECURITY)


def proposals() -> QuerySet[RulebookProposal]:
    """Every proposal, newest first. Who decides is no secret: everybody with an account may read it."""
    return RulebookProposal.objects.select_related("written_by", "decided_by", "base").order_by("-number")


def proposal_by(number: int) -> RulebookProposal:
    found = proposals().filter(number=number).first()
    if found is None:
        raise NotFound("There is no such proposal.")
    return found


def open_proposals() -> QuerySet[RulebookProposal]:
    return proposals().filter(state=ProposalState.OPEN.value)


def revisions() -> QuerySet[Rulebook]:
    """Every rulebook that was agreed to, newest first."""
    return Rulebook.objects.select_related("written_by", "agreed_by").order_by("-number")


def revision_by(number: int) -> Rulebook:
    found = revisions().filter(number=number).first()
    if found is None:
        raise NotFound("There is no rulebook of this number.")
    return found


def row_of(ruled: InForceBook) -> Rulebook | None:
    """The revision with its two people; None for the rulebook that is built in."""
    return None if ruled.pk is None else revisions().get(pk=ruled.pk)


def base_of(proposal: RulebookProposal) -> InForceBook:
    """The rulebook that the proposal was written on."""
    return book_of(proposal.base_id)


def written(proposal: RulebookProposal) -> Book:
    return Book.stored(proposal.document)


def changes_of(proposal: RulebookProposal) -> list[Change]:
    """What the proposal would change, in words, against the rulebook it was written on."""
    return changes_between(base_of(proposal).book, written(proposal))


def changes_between(old: Book, new: Book) -> list[Change]:
    return describe(old, new, names_in(old, new))


def names_in(*books: Book) -> Names:
    """What everybody and every team in the books is called."""
    members = {one for book in books for group in book.groups.values() for one in group.members}
    teams = {one for book in books for rule in book.rules for one in rule.when.teams}
    return Names(
        people={person.pk: person.name or person.email for person in Person.objects.filter(pk__in=members)},
        teams=dict(Team.objects.filter(pk__in=teams).values_list("pk", "name")),
    )


def unknown_in(book: Book, base: Book) -> list[dict[str, str]]:
    """Faults of a book that is about to be proposed: people and teams that are not there, closed accounts that join."""
    known = {one.pk: one.is_active for one in Person.objects.filter(pk__in=_members(book)).only("pk", "is_active")}
    teams = set(Team.objects.filter(pk__in=_teams(book)).values_list("pk", flat=True))
    faults = []
    for slug, group in book.groups.items():
        before = base.groups[slug].members if slug in base.groups else ()
        for place, one in enumerate(group.members):
            pointer = f"/groups/{slug}/members/{place}"
            if one not in known:
                faults.append({"pointer": pointer, "detail": "There is no person with this id."})
            elif not known[one] and one not in before:
                faults.append({"pointer": pointer, "detail": "This account is closed, so it cannot join a group."})
    for place, rule in enumerate(book.rules):
        if rule.when.teams - teams:
            faults.append(
                {"pointer": f"/rules/{place}/when/teams", "detail": "There is no team with one of these ids."}
            )
    return faults


def _members(book: Book) -> set[UUID]:
    return {one for group in book.groups.values() for one in group.members}


def _teams(book: Book) -> set[UUID]:
    return {one for rule in book.rules for one in rule.when.teams}


def refuse_refusal(person: Person, proposal: RulebookProposal) -> Refusal | None:
    """Why this person may not say no, or None; the page and the service ask the same."""
    if not may_write(person):
        return Refusal("not-entitled", "Only somebody in security decides about the rulebook.")
    if person.human == proposal.written_by.human:
        return Refusal("author", "You wrote this, under this account or another, so another person must decide.")
    return None


def agree_refusal(person: Person, proposal: RulebookProposal) -> Refusal | None:
    """Why this person may not agree, or None."""
    refused = refuse_refusal(person, proposal)
    if refused is not None:
        return refused
    joined = _joined_by(person, base_of(proposal).book, written(proposal))
    if joined:
        return Refusal("beneficiary", f"You would join {' and '.join(joined)} by this, so another person must agree.")
    return None


def _joined_by(person: Person, base: Book, book: Book) -> list[str]:
    accounts = set(Person.objects.filter(human=person.human).values_list("pk", flat=True))
    return [
        group.name
        for slug, group in book.groups.items()
        if accounts & (set(group.members) - set(base.groups[slug].members if slug in base.groups else ()))
    ]


def author_fault(proposal: RulebookProposal) -> str | None:
    """Why the writer's half of the two no longer counts, or None."""
    if may_write(proposal.written_by):
        return None
    return f"{proposal.written_by.name} may no longer change the rulebook; somebody who may has to propose it again."


@dataclass(frozen=True)
class Decider:
    """Somebody in security, and what stands in the way of agreeing, if anything does."""

    person: Person
    refusal: Refusal | None


def deciders_of(proposal: RulebookProposal) -> list[Decider]:
    """Everybody in security, those who may agree first."""
    found = [Decider(person, agree_refusal(person, proposal)) for person in holders_of(Role.SECURITY)]
    return sorted(found, key=lambda one: one.refusal is not None)


@dataclass(frozen=True)
class Unfilled:
    """A stage that the people in its groups cannot fill, whoever they are."""

    rule: str
    stage: str
    needs: int
    there: int


def unfilled_in(book: Book) -> list[Unfilled]:
    """Stages of rules that are on which only a named group fills, and for which it has too few open accounts.

    Such a request is blocked, and never let through with fewer.
    """
    found = []
    security = {person.human for person in holders_of(Role.SECURITY)}
    for rule in book.rules:
        for stage in rule.stages if rule.on else ():
            people = _humans(book, stage.groups) | (security if "security" in stage.groups else set())
            if "team" not in stage.groups and len(people) < stage.quorum:
                found.append(Unfilled(rule.name, stage.name, stage.quorum, len(people)))
    return found


def _humans(book: Book, keys: Iterable[str]) -> set[UUID]:
    slugs = [key.partition(":")[2] for key in keys]
    members = {one for slug in slugs if slug in book.groups for one in book.groups[slug].members}
    return set(Person.objects.filter(pk__in=members, is_active=True).values_list("human", flat=True))
