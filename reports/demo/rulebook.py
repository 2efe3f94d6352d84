"""Who decides in the demonstration: a rulebook that two people agreed on, and a change of it that waits."""

from datetime import timedelta
from typing import Any

from approvals.selectors.rulebook import book_in_force
from approvals.services.rulebook import agree, propose
from reports.demo.organisation import Organisation
from reports.demo.stage import Happening


def _book(organisation: Organisation) -> dict[str, Any]:
    """What reaches customers is looked at by whoever answers for releases, once it is risky enough."""
    members = [str(organisation.people[name].pk) for name in ("aiko", "tomas", "daniel")]
    stage = {"name": "Release managers", "groups": ["group:release"], "quorum": 1}
    publishing = {
        "id": "to-customers",
        "name": "What reaches customers",
        "when": {"actions": ["package.publish", "deploy.production"], "risk_at_least": 70},
        "stages": [stage],
        "expires_minutes": 45,
    }
    return {"groups": {"release": {"name": "Release managers", "members": members}}, "rules": [publishing]}


def agreed(organisation: Organisation) -> Happening:
    """Ingrid writes it, and Viktor agrees in the afternoon."""
    people = organisation.people
    reason = "What reaches customers should be seen by those who are woken up for it."
    proposal = propose(
        actor=people["ingrid"], document=_book(organisation), based_on=book_in_force().number, reason=reason
    )
    yield timedelta(hours=3, minutes=10)
    agree(actor=people["viktor"], proposal=proposal, reason="Agreed with the three of them at the weekly.")


def waiting(organisation: Organisation) -> Happening:
    """Viktor would let high risk begin a little earlier; Ingrid has to look at it."""
    document = {**_book(organisation), "risk": {"high": 65}}
    propose(
        actor=organisation.people["viktor"],
        document=document,
        based_on=book_in_force().number,
        reason="Two pushes of last week scored 65 and deserved a passkey. See the page of recorded risk.",
    )
    yield from ()
