"""What tests of the rulebook share: a second person of security, and a rulebook that both agreed to."""

from collections.abc import Mapping
from typing import Any

from approvals.models import Rulebook, RulebookProposal
from approvals.selectors.rulebook import book_in_force
from approvals.services.rulebook import agree, propose
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.services.people import create_person
from portal.identity.services.roles import assign_role
from portal.ledger.events import SYSTEM
from tests.organisation import PASSWORD, Organisation

SECURITY_EMAIL = "second-security@example.test"


def second_security(organisation: Organisation) -> Person:
    """Another person of security, the same one each time."""
    known = Person.objects.filter(email=SECURITY_EMAIL).first()
    if known is not None:
        return known
    person = create_person(actor=SYSTEM, email=SECURITY_EMAIL, name="Gia Security", password=PASSWORD)
    assign_role(actor=SYSTEM, person=person, role=Role.SECURITY, team=None)
    return person


def proposed(organisation: Organisation, document: Mapping[str, Any]) -> RulebookProposal:
    """A proposal of Fay's on what is in force."""
    number = book_in_force().number
    return propose(
        actor=organisation.security, document=dict(document), based_on=number, reason="We have thought about it."
    )


def in_force(organisation: Organisation, document: Mapping[str, Any]) -> Rulebook:
    """The rulebook of the document, written by Fay and agreed to by Gia."""
    proposal = proposed(organisation, document)
    return agree(actor=second_security(organisation), proposal=proposal, reason="So have I.")


def rule(key: str, *stages: tuple[list[str], int], **more: Any) -> dict[str, Any]:
    """One rule: its stages as (groups, quorum), and what else it says."""
    asked = [
        {"name": f"Stage {place}", "groups": groups, "quorum": quorum}
        for place, (groups, quorum) in enumerate(stages, start=1)
    ]
    return {"id": key, "name": f"Rule {key}", "stages": asked, **more}


def group(name: str, *members: Person) -> dict[str, Any]:
    return {"name": name, "members": [str(member.pk) for member in members]}
