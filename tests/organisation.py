"""A small organisation that tests share: two teams, a person for every role, and agents when asked for."""

from dataclasses import dataclass
from typing import Any

import pytest

from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.identity.services.people import add_member, assign_role, create_person, create_team
from portal.ledger.events import SYSTEM
from registry.models import Agent
from registry.rules.policy import template
from registry.selectors.agents import agent_for
from registry.services.credential import issue_credential
from registry.services.register import Profile, register_agent, save_draft, start_draft

PASSWORD = "a long enough passphrase"


@dataclass(frozen=True)
class Organisation:
    """Payments owns the agents; the outsider manages Platform and may see nothing of Payments."""

    payments: Team
    platform: Team
    manager: Person
    second_manager: Person
    approver: Person
    second_approver: Person
    member: Person
    security: Person
    auditor: Person
    operator: Person
    outsider: Person

    @property
    def people(self) -> dict[str, Person]:
        """Every person by what they are, for a table of permissions."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Person)}


def make_organisation() -> Organisation:
    """Create the teams and people. Needs a database; every e-mail is ``<role>@example.test``."""
    payments, platform = create_team(actor=SYSTEM, name="Payments"), create_team(actor=SYSTEM, name="Platform")
    places: dict[str, tuple[str, Team | None, Role | None]] = {
        "manager": ("Ada Manager", payments, Role.MANAGER),
        "second_manager": ("Ben Manager", payments, Role.MANAGER),
        "approver": ("Cleo Approver", payments, Role.APPROVER),
        "second_approver": ("Dev Approver", payments, Role.APPROVER),
        "member": ("Eli Member", payments, None),
        "security": ("Fay Security", None, Role.SECURITY),
        "auditor": ("Gus Auditor", None, Role.AUDITOR),
        "operator": ("Hal Operator", None, Role.OPERATOR),
        "outsider": ("Ivy Outsider", platform, Role.MANAGER),
    }
    people = {key: _person(key, name, team, role) for key, (name, team, role) in places.items()}
    return Organisation(payments=payments, platform=platform, **people)


def _person(key: str, name: str, team: Team | None, role: Role | None) -> Person:
    email = f"{key.replace('_', '-')}@example.test"
    person = create_person(actor=SYSTEM, email=email, name=name, password=PASSWORD)
    if team is not None:
        add_member(actor=SYSTEM, team=team, person=person)
    if role is not None:
        assign_role(actor=SYSTEM, person=person, role=role, team=team)
    return person


def policy_document(**scope: list[str]) -> dict[str, Any]:
    """The tight template over one repository, ``acme/payments``; keywords replace lists of the scope."""
    document: dict[str, Any] = template().to_document()
    document["scope"].update({"repositories": ["acme/payments"], **scope})
    return document


def draft_agent(organisation: Organisation, name: str = "Payments Refactorer", **profile: Any) -> Agent:
    """A draft of Payments with everything that a registration needs."""
    facts = {
        "platform": "claude_code",
        "purpose": "Refactors the payments service.",
        "accountable_person": organisation.manager,
        **profile,
    }
    agent = start_draft(actor=organisation.manager, team=organisation.payments, profile=Profile(name=name, **facts))
    return save_draft(actor=organisation.manager, agent=agent, policy=policy_document())


def active_agent(
    organisation: Organisation, name: str = "Payments Refactorer", policy: dict[str, Any] | None = None, **profile: Any
) -> Agent:
    """A registered agent of Payments under revision 1."""
    agent = draft_agent(organisation, name, **profile)
    if policy is not None:
        save_draft(actor=organisation.manager, agent=agent, policy=policy)
    register_agent(actor=organisation.manager, agent=agent)
    return agent_for(organisation.manager, agent.pk)


def credential_for(organisation: Organisation, agent: Agent, days: int = 30) -> str:
    """The token of a new credential."""
    _, token = issue_credential(actor=organisation.manager, agent=agent, name="laptop", days=days)
    return token


@pytest.fixture
def organisation(db: None) -> Organisation:
    """Teams Payments and Platform with their people; commits with ``transaction=True``, else rolls back."""
    made = make_organisation()
    assert authority_of(made.manager).has(Role.MANAGER, made.payments.pk)
    return made


@pytest.fixture
def agent(organisation: Organisation) -> Agent:
    """An active agent of Payments, ``payments-refactorer``."""
    return active_agent(organisation)
