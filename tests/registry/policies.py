"""Proposals and what the second person needs, for tests: a backtest as the portal makes one, and typed forms."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.services.people import assign_role, create_person
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, PolicyProposal
from registry.selectors.policies import ORGANISATION, Subject, catalogue_in_force
from registry.selectors.proposals import basis_of
from registry.services.policy import change_policy
from registry.services.proposals import attach_backtest
from registry.web.policy_forms import PolicyForm
from tests.organisation import PASSWORD, policy_document

WIDER = policy_document(repositories=["acme/payments", "acme/vault"])


def propose(
    actor: Person, subject: Subject | Agent, document: dict[str, Any] | None = None, based_on: int = 1
) -> PolicyProposal:
    """A proposal that has no backtest yet."""
    where = Subject.of_agent(subject) if isinstance(subject, Agent) else subject
    document = WIDER if document is None else document
    changed = change_policy(actor=actor, subject=where, document=document, based_on=based_on, reason="it must reach it")
    assert isinstance(changed, PolicyProposal), changed
    return changed


def backtested(
    proposal: PolicyProposal, *, initiators: Sequence[UUID] = (), ago: timedelta = timedelta(), checks: int = 3
) -> PolicyProposal:
    """The proposal with a backtest as of ``ago``."""
    now: datetime = database_now()
    result = {
        "from": "2026-08-23T00:00:00.000000Z",
        "to": "2026-11-21T00:00:00.000000Z",
        "checks": checks,
        "replayed": checks,
        "unreadable": 0,
        "counts": {"allowed": 1, "gated": 0, "refused": 0, "same": checks - 1},
        "teams": {},
        "agents": {},
        "examples": [],
        "initiators": [str(one) for one in initiators],
        "basis": basis_of(proposal),
    }
    assert attach_backtest(proposal_id=proposal.pk, result=result, at=now - ago)
    proposal.refresh_from_db()
    return proposal


def second_security() -> Person:
    """Another person in security: the organisation's policy needs two."""
    person = create_person(actor=SYSTEM, email="kim@example.test", name="Kim Security", password=PASSWORD)
    assign_role(actor=SYSTEM, person=person, role=Role.SECURITY)
    return person


def typed(document: dict[str, Any], **changes: str) -> dict[str, str]:
    """The form of an agent's policy as it would be sent with this document, edited from revision 1."""
    form = PolicyForm.over(document, catalogue_in_force(), typed=True)
    return {
        **{name: str(value) for name, value in form.data.items()},
        "based_on": "1",
        "reason": "because",
        **changes,
    }


def said_by_organisation(actor: Person, document: dict[str, Any], based_on: int = 0) -> Any:
    """A change of the organisation's policy."""
    return change_policy(
        actor=actor, subject=ORGANISATION, document=document, based_on=based_on, reason="the board asked"
    )
