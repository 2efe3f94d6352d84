"""The people and teams of the demonstration: all invented, under the reserved domain example.test."""

from dataclasses import dataclass

from django.db import transaction

from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.services.people import add_member, assign_role, create_person, create_team
from portal.ledger.events import SYSTEM


@dataclass(frozen=True)
class Part:
    """One person of the demonstration and what a reader can do in their place."""

    key: str
    name: str
    email: str
    team: str
    role: Role | None
    title: str
    comes_to: str


PAYMENTS, PLATFORM = "Payments", "Platform"

CAST = (
    Part("maya", "Maya Lindqvist", "maya.lindqvist@example.test", PAYMENTS, Role.MANAGER,
         "manager, Payments", "register an agent, look again at what the others may do, stop one"),
    Part("daniel", "Daniel Osei", "daniel.osei@example.test", PAYMENTS, Role.APPROVER,
         "approver, Payments", "decide the request that is waiting now"),
    Part("priya", "Priya Raman", "priya.raman@example.test", PAYMENTS, Role.APPROVER,
         "approver, Payments", "decide it instead"),
    Part("jonas", "Jonas Weber", "jonas.weber@example.test", PAYMENTS, None,
         "engineer, Payments", "see the team's agents; may decide nothing"),
    Part("tomas", "Tomás Herrera", "tomas.herrera@example.test", PLATFORM, Role.MANAGER,
         "manager, Platform", "see the stopped agent he agreed to resume; take over the agent that is offered"),
    Part("lena", "Lena Novak", "lena.novak@example.test", PLATFORM, Role.MANAGER,
         "manager, Platform", "consent to the drill on her agent; see the stop she ordered and cannot end"),
    Part("aiko", "Aiko Tanaka", "aiko.tanaka@example.test", PLATFORM, Role.APPROVER,
         "approver, Platform", "look back at what was decided, and how fast"),
    Part("samuel", "Samuel Adeyemi", "samuel.adeyemi@example.test", PLATFORM, Role.APPROVER,
         "approver, Platform", "the same; infrastructure needs two of them"),
    Part("ingrid", "Ingrid Solberg", "ingrid.solberg@example.test", "", Role.SECURITY,
         "security", "decide the policy change that waits; give the second agreement to resume"),
    Part("viktor", "Viktor Brandt", "viktor.brandt@example.test", "", Role.SECURITY,
         "security", "decide it instead; stop everything"),
    Part("ruth", "Ruth Feldman", "ruth.feldman@audit.example.test", "", Role.AUDITOR,
         "auditor", "take away the evidence package and verify it offline"),
    Part("omar", "Omar Haddad", "omar.haddad@example.test", "", Role.OPERATOR,
         "operator", "look after people, teams and roles"),
)  # fmt: skip


@dataclass(frozen=True)
class Organisation:
    """Two teams, and everyone by the key of their part."""

    payments: Team
    platform: Team
    people: dict[str, Person]


def demonstration_exists() -> bool:
    """Whether someone of the cast is here already."""
    return Person.objects.filter(email__in=[part.email for part in CAST]).exists()


@transaction.atomic
def make_organisation(*, password: str) -> Organisation:
    """Create everyone, all with the same password, in one transaction."""
    teams = {name: create_team(actor=SYSTEM, name=name) for name in (PAYMENTS, PLATFORM)}
    people = {part.key: _make(part, teams.get(part.team), password) for part in CAST}
    return Organisation(teams[PAYMENTS], teams[PLATFORM], people)


def _make(part: Part, team: Team | None, password: str) -> Person:
    person = create_person(actor=SYSTEM, email=part.email, name=part.name, password=password)
    if team is not None:
        add_member(actor=SYSTEM, team=team, person=person)
    if part.role is not None:
        assign_role(actor=SYSTEM, person=person, role=part.role, team=team)
    return person
