"""Changing a policy: tighter is in force at once, wider becomes a proposal that waits for a second person."""

from typing import Any

from django.db import transaction

from portal.errors import InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from registry.models import Agent, PolicyProposal, PolicyRevision
from registry.rules.compare import Change, Direction
from registry.rules.documents import Document
from registry.selectors.policies import Subject, may_change, who_changes
from registry.services.proposals import open_proposal, overtake
from registry.services.revisions import (
    Held,
    changes_between,
    hold,
    put_in_force,
    read_or_refuse,
    refuse_if_moved,
    refuse_reason,
    refuse_unless_alive,
)


@transaction.atomic(durable=True)
def change_policy(
    *, actor: Person, subject: Subject, document: dict[str, Any], based_on: int, reason: str
) -> PolicyRevision | PolicyProposal:
    """Put a tighter policy in force, or propose a wider one. ``based_on`` is the revision number that was edited.

    ``based_on`` is 0 where nothing was in force. Raises NotAllowed for whoever may not change it, Conflict when
    another revision came in between or a proposal waits already, InvalidInput with pointers for no policy.
    """
    held, new, changes = _edited(actor, subject, document, based_on)
    refuse_reason(reason)
    if any(change.direction is Direction.WIDENED for change in changes):
        return open_proposal(held, new, author=actor, reason=reason, changes=changes)
    return _tighten(held, new, actor=actor, reason=reason, changes=changes)


@transaction.atomic(durable=True)
def tighten_policy(
    *, actor: Person, agent: Agent, document: dict[str, Any], based_on: int, reason: str = ""
) -> PolicyRevision:
    """Put a tighter policy of an agent in force, and nothing else: NotAllowed when anything would be widened."""
    return tighten_within(actor=actor, agent=agent, document=document, based_on=based_on, reason=reason)


def tighten_within(
    *, actor: Person, agent: Agent, document: dict[str, Any], based_on: int, reason: str
) -> PolicyRevision:
    """``tighten_policy`` for a caller that holds a transaction of its own."""
    held, new, changes = _edited(actor, Subject.of_agent(agent), document, based_on)
    wider = [change for change in changes if change.direction is Direction.WIDENED]
    if wider:
        raise NotAllowed(
            "This change widens what the agent may do, and widening needs a second person. Nothing was changed.",
            errors=[{"pointer": change.pointer, "detail": change.sentence} for change in wider],
        )
    refuse_reason(reason, required=any("/modes/" in change.pointer for change in _moved(changes)))
    return _tighten(held, new, actor=actor, reason=reason, changes=changes)


def _edited(
    actor: Person, subject: Subject, document: dict[str, Any], based_on: int
) -> tuple[Held, Document, list[Change]]:
    """The subject under lock, the new document, and what it would change; all that can be wrong is refused here."""
    held = hold(subject)
    if not may_change(authority_of(actor), held.subject):
        raise NotAllowed(f"Only {who_changes(held.subject)} changes this policy. Nothing was changed.")
    refuse_unless_alive(held)
    refuse_if_moved(held, based_on)
    new = read_or_refuse(held.subject, document)
    if new.to_document() == held.document.to_document():
        raise InvalidInput(f"Nothing in it differs from {_named(based_on)}. Nothing was changed.")
    return held, new, changes_between(held, new)


def _tighten(held: Held, new: Document, *, actor: Person, reason: str, changes: list[Change]) -> PolicyRevision:
    revision = put_in_force(held, new, author=actor, reason=reason, changes=changes)
    overtake(held, revision, by=actor)
    return revision


def _moved(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.direction is not Direction.UNCHANGED]


def _named(number: int) -> str:
    return f"revision {number}" if number else "saying nothing"
