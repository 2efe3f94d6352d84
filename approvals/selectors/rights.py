"""Reading who holds which group: approvers of the owner team, security, and the groups of the rulebook in force."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q

from approvals.rules.duties import Account
from approvals.rules.eligibility import Chosen
from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import GROUP, SECURITY, TEAM
from approvals.selectors.rulebook import book_in_force
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Authority, Role


@dataclass(frozen=True, slots=True)
class Held:
    """A right that somebody holds now, since when, and from which natural person, as far as that is known."""

    group: str
    since: datetime | None = None
    by: UUID | None = None


def groups_in_force() -> Mapping[str, tuple[UUID, ...]]:
    """The rulebook's groups by key, each with its members in on-call order."""
    book = book_in_force().book
    return {f"{GROUP}{slug}": group.members for slug, group in book.groups.items()}


def groups_of(person_id: UUID) -> frozenset[str]:
    """The keys of the rulebook's groups that somebody is in."""
    return frozenset(key for key, members in groups_in_force().items() if person_id in members)


def groups_held(authority: Authority, team_id: UUID) -> frozenset[str]:
    """The groups that somebody counts for in their own right, where this team owns the agent."""
    if not authority.active:
        return frozenset()
    own = set(groups_of(authority.person_id))
    if authority.has(Role.SECURITY):
        own.add(SECURITY)
    if authority.has(Role.APPROVER, team_id):
        own.add(TEAM)
    return frozenset(own)


def given_by(humans: Collection[UUID], *, team_id: UUID, since: datetime) -> dict[UUID, tuple[Chosen, ...]]:
    """Who got a role that decides for this team from one of these natural persons after ``since``, and which."""
    role = Q(role=Role.SECURITY.value) | Q(role=Role.APPROVER.value, team=team_id)
    rows = RoleAssignment.objects.filter(role, given_by__human__in=humans, since__gt=since)
    found: dict[UUID, tuple[Chosen, ...]] = {}
    for row in rows.select_related("given_by"):
        giver = row.given_by
        if giver is not None:
            by = Account(giver.pk, giver.human, giver.name)
            chosen = Chosen(_group_of(row.role), by, f"{row.since.astimezone(UTC):%Y-%m-%d}")
            found[row.person_id] = (*found.get(row.person_id, ()), chosen)
    return found


def lately_given(person_id: UUID, *, since: datetime) -> list[RoleAssignment]:
    """The roles that decide which somebody has from another person after ``since``."""
    decides = RoleAssignment.objects.filter(role__in=[Role.SECURITY.value, Role.APPROVER.value], person_id=person_id)
    return list(decides.filter(given_by__isnull=False, since__gt=since).select_related("given_by"))


def _group_of(role: str) -> str:
    return SECURITY if role == Role.SECURITY.value else TEAM


@dataclass(frozen=True)
class Rights:
    """What some people, or all, hold now: their roles, and the groups of the rulebook that they are in."""

    roles: Mapping[UUID, Sequence[tuple[Held, UUID | None]]]
    groups: Mapping[UUID, Sequence[Held]]

    def over(self, team_id: UUID) -> dict[UUID, list[Held]]:
        """Everybody who holds a group where this team owns the agent, with what they hold."""
        found: dict[UUID, list[Held]] = {}
        for person_id, roles in self.roles.items():
            held = [one for one, team in roles if team is None or team == team_id]
            if held:
                found[person_id] = held
        for person_id, groups in self.groups.items():
            found[person_id] = [*found.get(person_id, []), *groups]
        return found


def rights_of(people: Iterable[UUID] | None = None) -> Rights:
    """The rights of these people, of all where none are named; closed accounts hold nothing. Two queries at most."""
    wanted = None if people is None else set(people)
    if wanted is not None and not wanted:
        return Rights({}, {})
    rows = RoleAssignment.objects.filter(role__in=[Role.SECURITY.value, Role.APPROVER.value], person__is_active=True)
    if wanted is not None:
        rows = rows.filter(person_id__in=wanted)
    found = rows.values_list("person_id", "role", "team_id", "since", "given_by__human")
    book = book_in_force().book
    members = {one for group in book.groups.values() for one in group.members}
    return rights_from(found, _active(members if wanted is None else wanted & members), book)


RoleRow = tuple[UUID, str, UUID | None, datetime | None, UUID | None]


def rights_from(rows: Iterable[RoleRow], active: Iterable[UUID], book: Book) -> Rights:
    """The rights that these assignments give (person, role, team, since when, by which natural person), and the
    book's groups to ``active``.
    """
    roles: dict[UUID, list[tuple[Held, UUID | None]]] = {}
    for person_id, role, team_id, since, by in rows:
        held = Held(_group_of(role), since, by)
        roles.setdefault(person_id, []).append((held, team_id))
    open_accounts = frozenset(active)
    groups: dict[UUID, list[Held]] = {}
    for slug, group in book.groups.items():
        for person_id in open_accounts.intersection(group.members):
            groups.setdefault(person_id, []).append(Held(f"{GROUP}{slug}"))
    return Rights(roles, groups)


def _active(people: Iterable[UUID]) -> frozenset[UUID]:
    keys = list(people)
    if not keys:
        return frozenset()
    return frozenset(Person.objects.filter(pk__in=keys, is_active=True).values_list("pk", flat=True))
