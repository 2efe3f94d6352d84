"""Reading the rulebook: which is in force, who is in a group now, and what has been proposed."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from approvals.models import Rulebook
from approvals.rules.rulebook import BUILT_IN, Book
from approvals.rules.rulebook_parts import GROUP, SECURITY, TEAM
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import holders_of
from portal.reading import once


@dataclass(frozen=True, slots=True)
class InForceBook:
    """The rulebook that counts. ``pk`` is None and ``number`` 0 for the one that is built in."""

    book: Book
    pk: UUID | None
    number: int


_BUILT_IN: Final = InForceBook(BUILT_IN, None, 0)
_MOST_KEPT: Final = 50
_kept: dict[UUID, InForceBook] = {}


@once
def book_in_force() -> InForceBook:
    """The rulebook with the greatest number, read fresh; its document is read once, since a revision never changes."""
    newest = Rulebook.objects.order_by("-number").values_list("pk", flat=True).first()
    return book_of(newest)


def book_of(pk: UUID | None) -> InForceBook:
    """The rulebook of a revision; the built-in one for None."""
    if pk is None:
        return _BUILT_IN
    known = _kept.get(pk)
    if known is None:
        row = Rulebook.objects.get(pk=pk)
        known = InForceBook(Book.stored(row.document), row.pk, row.number)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[pk] = known
    return known


def members_of(group: str, team: Team, book: Book) -> list[Person]:
    """Who is in a group now, in on-call order where it has one; closed accounts are in none."""
    if group == TEAM:
        return list(holders_of(Role.APPROVER, team))
    if group == SECURITY:
        return list(holders_of(Role.SECURITY))
    named = book.groups.get(group.removeprefix(GROUP))
    if named is None:
        return []
    people = Person.objects.filter(is_active=True).in_bulk(named.members)
    return [people[member] for member in named.members if member in people]
