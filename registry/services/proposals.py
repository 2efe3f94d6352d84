"""Widenings wait for a second person, who decides exactly what was shown: document, base and backtest, sealed."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from portal.errors import Conflict, InvalidTransition, NotAllowed, NotFound, StaleView
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.events import SYSTEM
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry import events
from registry.models import Agent, PolicyProposal, PolicyRevision, ProposalState
from registry.rules.compare import Change, Direction
from registry.rules.documents import Document, digest_of, read_document
from registry.rules.policy import PolicyError
from registry.rules.second_person import Refusal
from registry.selectors.policies import Subject, catalogue_in_force
from registry.selectors.proposals import approve_refusal, author_fault, backtest_fault, refuse_refusal
from registry.services.revisions import (
    Held,
    agent_id_of,
    changes_between,
    hold,
    put_in_force,
    refuse_reason,
    refuse_unless_alive,
    team_id_of,
)


def open_proposal(
    held: Held, document: Document, *, author: Person, reason: str, changes: Iterable[Change]
) -> PolicyProposal:
    """A new proposal; the caller holds the subject and has settled that its author may change it."""
    subject = held.subject
    waiting = PolicyProposal.objects.filter(**subject.columns, state=ProposalState.OPEN.value).first()
    if waiting is not None:
        raise Conflict(
            f"{waiting.label} already waits for {subject.label}; it must be decided or withdrawn first. "
            "Nothing was changed.",
            proposal=waiting.number,
        )
    digest = digest_of(document)
    proposal = PolicyProposal.objects.create(
        **subject.columns,
        number=next_number("registry_proposal_number"),
        based_on=held.revision,
        document=document.to_document(),
        digest=bytes.fromhex(digest),
        reason=reason.strip(),
        author=author,
    )
    event = events.PolicyProposed(
        proposal=proposal.number,
        proposal_id=proposal.pk,
        level=subject.level.value,
        team=team_id_of(subject),
        based_on=held.number,
        digest=digest,
        document=proposal.document,
        widens=[change.sentence for change in changes if change.direction is Direction.WIDENED],
        reason=proposal.reason,
    )
    append(event, actor=actor_for(author), at=database_now(), agent_id=agent_id_of(subject))
    return proposal


@transaction.atomic(durable=True)
def approve_proposal(
    *, actor: Person, proposal: PolicyProposal, seal: bytes, reason: str, sign_in: Sequence[str] = ()
) -> PolicyRevision:
    """Put the proposed policy in force, by a second person, at once and with its entries.

    ``seal`` is what was rendered for this person. Raises StaleView (409) with the difference when it is another
    one, Conflict (409) for a backtest that does not carry a decision, NotAllowed (403) for whoever may not.
    """
    held, proposal = _hold(proposal)
    refuse_unless_alive(held)
    _refuse(approve_refusal(actor, proposal))
    refuse_reason(reason)
    _refuse_unless_current(held, proposal)
    now = database_now()
    fault = author_fault(proposal) or backtest_fault(proposal, now=now)
    if fault is not None:
        raise Conflict(f"{fault} {proposal.label} was not approved.")
    _refuse_other_seal(proposal, seal)
    document = _still_a_policy(proposal)
    revision = put_in_force(
        held,
        document,
        author=proposal.author,
        reason=proposal.reason,
        changes=changes_between(held, document),
        proposal=proposal,
        approved_by=actor,
    )
    proposal.revision = revision
    _end(proposal, ProposalState.APPROVED, by=actor, reason=reason, at=now, sign_in=sign_in)
    return revision


@transaction.atomic(durable=True)
def refuse_proposal(
    *, actor: Person, proposal: PolicyProposal, reason: str, sign_in: Sequence[str] = ()
) -> PolicyProposal:
    """Say no to a proposal. Nothing that is in force changes, so less distance is asked of the second person."""
    _, proposal = _hold(proposal)
    _refuse(refuse_refusal(actor, proposal))
    refuse_reason(reason)
    return _end(proposal, ProposalState.REFUSED, by=actor, reason=reason, at=database_now(), sign_in=sign_in)


@transaction.atomic(durable=True)
def withdraw_proposal(*, actor: Person, proposal: PolicyProposal, reason: str = "") -> PolicyProposal:
    """Take a proposal back; only its author does."""
    _, proposal = _hold(proposal)
    if proposal.author_id != actor.pk:
        raise NotAllowed(f"Only {proposal.author.name} withdraws {proposal.label}. Nothing was changed.")
    refuse_reason(reason, required=False)
    return _end(proposal, ProposalState.WITHDRAWN, by=actor, reason=reason, at=database_now())


def overtake(held: Held, revision: PolicyRevision, *, by: Person) -> None:
    """End the proposal that was made on the revision before this one. The caller holds the subject."""
    because = f"Revision {revision.number} came into force meanwhile."
    for proposal in _open_of(held.subject):
        _end(proposal, ProposalState.OVERTAKEN, by=by, reason=because, at=database_now())


def withdraw_of_agent(*, agent: Agent, actor: Person, because: str) -> int:
    """End what waits for an agent that is being retired. The caller holds the agent's row and a transaction."""
    waiting = _open_of(Subject.of_agent(agent))
    for proposal in waiting:
        _end(proposal, ProposalState.WITHDRAWN, by=actor, reason=because, at=database_now())
    return len(waiting)


@transaction.atomic(durable=True)
def attach_backtest(*, proposal_id: UUID, result: dict[str, Any], at: datetime) -> bool:
    """Keep a backtest with its proposal and seal both. False when the proposal is not open any more."""
    proposal = PolicyProposal.objects.select_for_update(of=("self",)).select_related("based_on").get(pk=proposal_id)
    if proposal.state != ProposalState.OPEN.value:
        return False
    proposal.backtest, proposal.backtest_at = result, at
    proposal.progress = int(result.get("checks", 0))
    proposal.seal = seal_of(proposal)
    proposal.save(update_fields=["backtest", "backtest_at", "progress", "seal"])
    event = events.PolicyBacktested(
        proposal=proposal.number,
        seal=proposal.seal.hex(),
        checks=int(result.get("checks", 0)),
        counts={key: int(value) for key, value in result.get("counts", {}).items()},
    )
    append(event, actor=SYSTEM, at=database_now(), agent_id=proposal.agent_id)
    return True


def report_progress(proposal_id: UUID, done: int) -> None:
    """How many recorded checks were replayed so far; for the page only."""
    PolicyProposal.objects.filter(pk=proposal_id).update(progress=done)


def seal_of(proposal: PolicyProposal) -> bytes:
    """SHA-256 over the canonical document, the revision it is based on, and the backtest."""
    based_on = proposal.based_on.number if proposal.based_on is not None else 0
    shown = {"document": proposal.document, "based_on": based_on, "backtest": proposal.backtest}
    return hashlib.sha256(canonicalize(shown)).digest()


def _hold(proposal: PolicyProposal) -> tuple[Held, PolicyProposal]:
    """The subject first and then its proposal, as a change of policy does, so that the two never wait crosswise."""
    held = hold(Subject.of(proposal))
    locked = (
        PolicyProposal.objects.select_for_update(of=("self",))
        .select_related("author", "based_on", "agent__owner_team", "team")
        .filter(pk=proposal.pk)
        .first()
    )
    if locked is None:
        raise NotFound("There is no such proposal.")
    if locked.state != ProposalState.OPEN.value:
        raise InvalidTransition(f"{locked.label} is {locked.state} already. Nothing was changed.")
    return held, locked


def _open_of(subject: Subject) -> list[PolicyProposal]:
    waiting = PolicyProposal.objects.select_for_update(of=("self",)).filter(state=ProposalState.OPEN.value)
    return list(waiting.filter(**subject.columns))


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise NotAllowed(f"{refusal.sentence} Nothing was changed.", reason=refusal.code)


def _refuse_unless_current(held: Held, proposal: PolicyProposal) -> None:
    shown = proposal.based_on.number if proposal.based_on is not None else 0
    if held.number != shown:
        raise StaleView(
            f"{proposal.label} is based on revision {shown}, but revision {held.number} is in force. "
            "It was not approved; its author may propose it again.",
            difference=[{"what": "the revision in force", "shown": str(shown), "now": str(held.number)}],
        )


def _refuse_other_seal(proposal: PolicyProposal, seal: bytes) -> None:
    now = bytes(proposal.seal or b"")
    if not hmac.compare_digest(seal, now):
        raise StaleView(
            f"What you were shown is not what {proposal.label} says now: its backtest was run again. "
            "It was not approved; look at the new result and decide again.",
            difference=[{"what": "the sealed proposal", "shown": seal.hex(), "now": now.hex()}],
        )


def _still_a_policy(proposal: PolicyProposal) -> Document:
    """The catalogue can have changed since it was proposed."""
    try:
        return read_document(Subject.of(proposal).level, proposal.document, catalogue_in_force())
    except PolicyError as error:
        raise Conflict(f"{proposal.label} cannot be read as a policy any more. It was not approved.") from error


def _end(
    proposal: PolicyProposal,
    state: ProposalState,
    *,
    by: Person,
    reason: str,
    at: datetime,
    sign_in: Sequence[str] = (),
) -> PolicyProposal:
    proposal.state = state.value
    proposal.decided_by, proposal.decided_at, proposal.decision_reason = by, at, reason.strip()
    proposal.save(update_fields=["state", "decided_by", "decided_at", "decision_reason", "revision"])
    event = events.ProposalDecided(
        proposal=proposal.number,
        state=state.value,
        level=proposal.level,
        team=proposal.team_id,
        author=proposal.author_id,
        seal=bytes(proposal.seal).hex() if proposal.seal is not None else None,
        sign_in=list(sign_in),
        reason=proposal.decision_reason,
    )
    append(event, actor=actor_for(by), at=at, agent_id=proposal.agent_id)
    return proposal
