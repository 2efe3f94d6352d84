"""Reading people and what they are entitled to right now."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Membership, Person, RoleAssignment, Team
from portal.identity.rules.mailbox import Mailbox, mailbox_of
from portal.identity.rules.roles import Authority, Role
from portal.ledger.events import Actor
from portal.reading import once


@once
def authority_of(person: Person) -> Authority:
    """The person's roles and teams, read fresh (on a page: once): two queries."""
    roles = RoleAssignment.objects.filter(person_id=person.pk).values_list("role", "team_id")
    teams = Membership.objects.filter(person_id=person.pk).values_list("team_id", flat=True)
    return Authority(
        person_id=person.pk,
        roles=frozenset((Role(role), team) for role, team in roles),
        teams=frozenset(teams),
        active=person.is_active,
    )


def actor_for(person: Person) -> Actor:
    return Actor("person", str(person.pk), person.name or person.email)


def person_by_id(person_id: UUID | str) -> Person:
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        raise NotFound("There is no such person.")
    return person


def person_at(address: str) -> Person | None:
    """The account with exactly this address, but for case."""
    return Person.objects.filter(email__iexact=address.strip()).first()


def accounts_at(addresses: Iterable[str]) -> list[UUID]:
    """The ids of all accounts, closed ones too, that stand for any of the e-mail addresses, whatever is tagged on."""
    same = Q()
    for mailbox in {mailbox_of(address) for address in addresses}:
        if mailbox is not None:
            same |= at_mailbox(mailbox)
    return list(Person.objects.filter(same).order_by("pk").values_list("pk", flat=True)) if same else []


def at_mailbox(mailbox: Mailbox) -> Q:
    """The accounts whose mail goes to one place: the plain address, and any with a tag after a plus sign."""
    plain = Q(email__iexact=f"{mailbox.local}@{mailbox.domain}")
    return plain | Q(email__istartswith=f"{mailbox.local}+", email__iendswith=f"@{mailbox.domain}")


def accounts_of(person: Person) -> QuerySet[Person]:
    """Every account of the natural person behind this one, itself among them, by name."""
    return Person.objects.filter(human=person.human).order_by("name", "email")


def humans_of(accounts: Iterable[UUID | None]) -> frozenset[UUID]:
    """The natural persons behind accounts: what segregation goes by, whichever account somebody acts under."""
    named = [one for one in accounts if one is not None]
    return frozenset(Person.objects.filter(pk__in=named).values_list("human", flat=True)) if named else frozenset()


def people_in(team: Team) -> QuerySet[Person]:
    """The team's active members, by name."""
    return Person.objects.filter(memberships__team=team, is_active=True).order_by("name", "email")


def holders_of(role: Role, team: Team | None = None) -> QuerySet[Person]:
    """The active people who hold a role (in a team, for a team role)."""
    return Person.objects.filter(role_assignments__role=role, role_assignments__team=team, is_active=True).order_by(
        "name", "email"
    )


def approvers_of(team: Team) -> QuerySet[Person]:
    """Who may decide for a team: its approvers and everyone in security."""
    return (
        Person.objects.filter(
            Q(role_assignments__role=Role.APPROVER, role_assignments__team=team)
            | Q(role_assignments__role=Role.SECURITY),
            is_active=True,
        )
        .distinct()
        .order_by("name", "email")
    )


def teams_managed_by(person: Person) -> QuerySet[Team]:
    return Team.objects.filter(
        role_assignments__person=person,
        role_assignments__role=Role.MANAGER,
        role_assignments__person__is_active=True,
    ).order_by("name")


def roles_held(person: Person) -> list[RoleAssignment]:
    """The person's role assignments with their teams, organisation-wide ones first."""
    held = RoleAssignment.objects.filter(person=person).select_related("team")
    return list(held.order_by(F("team__name").asc(nulls_first=True), "role"))


def search_people(text: str = "") -> QuerySet[Person]:
    """Everyone, closed accounts included, whose name or address contains ``text``."""
    text = text.strip().replace("\0", "")
    found = Person.objects.all()
    return found.filter(Q(name__icontains=text) | Q(email__icontains=text)) if text else found


@dataclass(frozen=True)
class AccountCounts:
    """``open`` counts active people; the other two of them wait for something. ``placeless``: no role, no team."""

    open: int
    teams: int
    never_signed_in: int
    placeless: int


def account_counts() -> AccountCounts:
    """For operators: how many accounts there are and which need a hand."""
    active = Person.objects.filter(is_active=True)
    return AccountCounts(
        open=active.count(),
        teams=Team.objects.count(),
        never_signed_in=active.filter(last_login=None).count(),
        placeless=active.filter(role_assignments=None, memberships=None).count(),
    )
