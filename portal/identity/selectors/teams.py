"""Reading teams: members and those who oversee everything see them, nobody else."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Membership, Person, RoleAssignment, Team
from portal.identity.rules.roles import ORGANISATION_ROLES
from portal.identity.selectors.people import authority_of


@dataclass(frozen=True)
class Member:
    """A person in a team, and what they are in it."""

    person: Person
    roles: list[str]


def teams_for(person: Person) -> QuerySet[Team]:
    """The teams that ``person`` may see, by name, each with ``members`` (how many are active)."""
    authority = authority_of(person)
    teams = Team.objects.annotate(members=Count("memberships", filter=Q(memberships__person__is_active=True)))
    if any(authority.has(role) for role in ORGANISATION_ROLES):
        return teams.order_by("name")
    return teams.filter(pk__in=authority.teams).order_by("name")


def team_for(person: Person, slug: str) -> Team:
    """One of them; NotFound also for a team that exists and is not the person's to see."""
    team = teams_for(person).filter(slug=slug).first()
    if team is None:
        raise NotFound("There is no such team, or none that you may see.")
    return team


def members_of(team: Team) -> list[Member]:
    """Everyone in the team by name, closed accounts last: two queries."""
    held: dict[object, list[str]] = {}
    for person_id, role in RoleAssignment.objects.filter(team=team).order_by("role").values_list("person_id", "role"):
        held.setdefault(person_id, []).append(role)
    rows = Membership.objects.filter(team=team).select_related("person")
    return [
        Member(row.person, held.get(row.person_id, []))
        for row in rows.order_by("-person__is_active", "person__name", "person__email")
    ]
