"""What tests share about people who are away, linked accounts and rulebooks with groups."""

from datetime import timedelta
from typing import Any

from approvals.models import Delegation, Rulebook
from approvals.rules.rulebook import Book, digest
from approvals.services.delegation import delegate
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for
from portal.identity.services.people import assign_role, create_person, link_accounts
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from tests.organisation import PASSWORD, Organisation


def away(giver: Person, receiver: Person | None, *, by: Person | None = None, **around: Any) -> Delegation:
    """``giver`` is away from now on for a day; keywords replace what is stated."""
    stated: dict[str, Any] = {"ends_at": database_now() + timedelta(days=1), "reason": "On leave.", **around}
    return delegate(actor=by or giver, giver=giver, receiver=receiver, **stated)


def account(organisation: Organisation, email: str, name: str, role: Role | None = None) -> Person:
    """A new account, as approver of Payments when the role is one of a team's."""
    person = create_person(actor=SYSTEM, email=email, name=name, password=PASSWORD)
    if role is not None:
        team = organisation.payments if role in {Role.APPROVER, Role.MANAGER} else None
        assign_role(actor=SYSTEM, person=person, role=role, team=team)
    return person


def one_person(organisation: Organisation, first: Person, second: Person) -> None:
    """Both accounts are one natural person from now on, also in the objects at hand."""
    link_accounts(actor=actor_for(organisation.operator), first=first, second=second, reason="Same badge.")


def rulebook(organisation: Organisation, document: dict[str, Any]) -> Rulebook:
    """Put a rulebook in force, without the two people it takes."""
    book = Book.from_document(document)
    last = Rulebook.objects.order_by("-number").first()
    return Rulebook.objects.create(
        number=last.number + 1 if last else 1,
        document=book.to_document(),
        digest=digest(book),
        written_by=organisation.security,
        agreed_by=organisation.operator,
    )


def with_stage(slug: str, *members: Person, quorum: int = 1, **more: Any) -> dict[str, Any]:
    """A document in which everything takes, after the owner team, people of one group."""
    stage = {"name": slug.capitalize(), "groups": [f"group:{slug}"], "quorum": quorum}
    return {
        "groups": {slug: {"name": slug.capitalize(), "members": [str(member.pk) for member in members]}},
        "rules": [{"id": slug, "name": slug.capitalize(), "on": True, "when": {}, "stages": [stage]}],
        **more,
    }
