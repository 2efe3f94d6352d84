"""Changing the rulebook: one person of security writes, another natural person agrees. There is no other way.

Whoever agrees also ends, in the same transaction, what was asked or approved under what no longer counts.
"""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from approvals.models import ApprovalRequest, Rulebook, RulebookProposal
from approvals.rulebook_events import (
    RulebookAgreed,
    RulebookOvertaken,
    RulebookProposed,
    RulebookRefused,
    RulebookWithdrawn,
)
from approvals.rules.rulebook import Book, ProposalState, digest
from approvals.rules.rulebook_words import Direction
from approvals.rules.workflow import GrantState, RequestState
from approvals.selectors.rulebook import InForceBook, book_in_force, book_of
from approvals.selectors.rulebook_effects import ended_by, standing_requests
from approvals.selectors.rulebook_proposals import (
    agree_refusal,
    author_fault,
    changes_between,
    may_write,
    open_proposals,
    refuse_refusal,
    unknown_in,
)
from approvals.services.grant import void_approved
from approvals.services.request import RULEBOOK_LOCK, end
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, NotFound, StaleView
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.events import SYSTEM, Event
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.name_lock import hold_name
from portal.ledger.services.numbers import next_number
from registry.rules.reading import PolicyError
from registry.rules.second_person import Refusal
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.policies import catalogue_in_force

# One change of the rulebook at a time; who opens a request does not wait for it, but for RULEBOOK_LOCK.
_CHANGES = "approvals rulebook changes"
MOST_OPEN = 20


@transaction.atomic(durable=True)
def propose(*, actor: Person, document: object, based_on: int, reason: str) -> RulebookProposal:
    """Write another rulebook for a second person to agree to; nothing of it counts before.

    ``based_on`` is the number of the rulebook that was on the page: 409 with the difference when another is in force.
    """
    if not may_write(actor):
        raise NotAllowed("Only somebody in security changes the rulebook. Nothing was changed.")
    _hold()
    now = book_in_force()
    _refuse_reason(reason)
    _refuse_other_base(based_on, now)
    book = read_or_refuse(document, now.book)
    changes = changes_between(now.book, book)
    if digest(book) == digest(now.book):
        raise Conflict("This is what the rulebook says already. Nothing was proposed.")
    if open_proposals().count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} proposals wait already; decide some of them first. Nothing was proposed.")
    proposal = RulebookProposal.objects.create(
        number=next_number("approvals_rulebookproposal_number"),
        base_id=now.pk,
        document=book.to_document(),
        digest=digest(book),
        reason=reason.strip(),
        written_by=actor,
    )
    event = RulebookProposed(
        proposal=proposal.number,
        proposal_id=proposal.pk,
        based_on=now.number,
        digest=proposal.digest,
        document=proposal.document,
        looser=[change.sentence for change in changes if change.direction is Direction.LOOSER],
        reason=proposal.reason,
    )
    append(event, actor=actor_for(actor), at=database_now())
    return proposal


@transaction.atomic(durable=True)
def agree(*, actor: Person, proposal: RulebookProposal, reason: str, sign_in: Sequence[str] = ()) -> Rulebook:
    """Put the proposed rulebook in force, by a second natural person, and end what does not outlive it.

    Raises StaleView (409) with the difference when another rulebook came into force meanwhile, NotAllowed (403) for
    whoever may not agree, Conflict (409) when it is decided already or its writer has lost the right.
    """
    _hold()
    proposal = _open(proposal)
    _refuse(agree_refusal(actor, proposal))
    _refuse_reason(reason)
    now = book_in_force()
    _refuse_other_base(book_of(proposal.base_id).number, now, proposal)
    fault = author_fault(proposal)
    if fault is not None:
        raise Conflict(f"{fault} {proposal.label} was not agreed to.")
    book = read_or_refuse(proposal.document, now.book)
    _wait_for_openers()
    revision = Rulebook.objects.create(
        number=next_number("approvals_rulebook_number"),
        document=proposal.document,
        digest=proposal.digest,
        written_by=proposal.written_by,
        agreed_by=actor,
    )
    voided = _void(now.book, book, proposal=proposal, by=actor)
    _end(proposal, ProposalState.AGREED, by=actor, reason=reason)
    _overtake(revision)
    event = RulebookAgreed(
        proposal=proposal.number,
        rulebook=revision.number,
        based_on=now.number,
        digest=proposal.digest,
        document=proposal.document,
        written_by=proposal.written_by_id,
        voided=voided,
        sign_in=list(sign_in),
        reason=proposal.decided_reason,
    )
    append(event, actor=actor_for(actor), at=database_now())
    return revision


@transaction.atomic(durable=True)
def refuse(*, actor: Person, proposal: RulebookProposal, reason: str) -> RulebookProposal:
    """Say no, with a reason for its writer. What is in force stays so."""
    _hold()
    proposal = _open(proposal)
    _refuse(refuse_refusal(actor, proposal))
    _refuse_reason(reason)
    event = RulebookRefused(
        proposal=proposal.number, digest=proposal.digest, written_by=proposal.written_by_id, reason=reason.strip()
    )
    return _decided(proposal, ProposalState.REFUSED, event, by=actor, reason=reason)


@transaction.atomic(durable=True)
def withdraw(*, actor: Person, proposal: RulebookProposal, reason: str = "") -> RulebookProposal:
    """Take a proposal back; only whoever wrote it does."""
    _hold()
    proposal = _open(proposal)
    if proposal.written_by_id != actor.pk:
        raise NotAllowed(f"Only {proposal.written_by.name} withdraws {proposal.label}. Nothing was changed.")
    _refuse_reason(reason, required=False)
    event = RulebookWithdrawn(proposal=proposal.number, digest=proposal.digest, reason=reason.strip())
    return _decided(proposal, ProposalState.WITHDRAWN, event, by=actor, reason=reason)


def read_or_refuse(document: object, base: Book) -> Book:
    """The document as a value; InvalidInput names every fault with its place."""
    try:
        book = Book.from_document(document, catalogue=catalogue_in_force())
        unknown = unknown_in(book, base)
    except PolicyError as error:
        raise InvalidInput("This is not a rulebook. Nothing was changed.", errors=error.errors) from error
    if unknown:
        raise InvalidInput("This rulebook names somebody who is not there. Nothing was changed.", errors=unknown)
    return book


def _hold() -> None:
    hold_name(_CHANGES)


def _wait_for_openers() -> None:
    """Lock every request that could end, then the rulebook, and then what was opened while we waited for it.

    In this order, since who opens a request may hold a row when they ask for the rulebook, and never the other way.
    """
    _lock_requests()
    hold_name(RULEBOOK_LOCK)
    _lock_requests()


def _lock_requests() -> None:
    """Lock what waits and what was approved and not used; the condition is asked again of a row that was waited for."""
    alive = (RequestState.PENDING.value, RequestState.APPROVED.value)
    rows = ApprovalRequest.objects.select_for_update(of=("self",)).filter(
        Q(state=alive[0]) | Q(state=alive[1], grant__state=GrantState.ISSUED.value)
    )
    list(rows.order_by("number").values_list("pk", flat=True))


def _void(old: Book, new: Book, *, proposal: RulebookProposal, by: Person) -> list[int]:
    """End what the change does not leave standing; the rows are locked."""
    voided = []
    changed_by = {by.human, proposal.written_by.human}
    for ended in ended_by(standing_requests(), old, new, changed_by=changed_by):
        request, actor = ended.request, actor_for(by)
        if request.state == RequestState.PENDING.value:
            end(request, RequestState.VOIDED, because=ended.because, by=actor)
        elif not void_approved(request=request, because=ended.because, by=actor):
            continue  # used before its row could be had
        voided.append(request.number)
    return voided


def _open(proposal: RulebookProposal) -> RulebookProposal:
    """The proposal with its row locked, if it still waits."""
    found = RulebookProposal.objects.select_for_update(of=("self",)).select_related("written_by", "base")
    locked = found.filter(pk=proposal.pk).first()
    if locked is None:
        raise NotFound("There is no such proposal.")
    if locked.state != ProposalState.OPEN.value:
        raise InvalidTransition(f"{locked.label} is {locked.state} already. Nothing was changed.")
    return locked


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise NotAllowed(f"{refusal.sentence} Nothing was changed.", reason=refusal.code)


def _refuse_reason(reason: str, *, required: bool = True) -> None:
    fault = fault_in(reason, most=MOST_TEXT, required=required, lines=True)
    if fault:
        raise InvalidInput(
            f"The reason {fault}. Nothing was changed.", errors=[{"pointer": "/reason", "detail": fault}]
        )


def _refuse_other_base(based_on: int, now: InForceBook, proposal: RulebookProposal | None = None) -> None:
    if based_on == now.number:
        return
    what = "Your change" if proposal is None else proposal.label
    was = _named(based_on)
    changes = [] if was is None else changes_between(was.book, now.book)
    raise StaleView(
        f"{what} was written on rulebook {based_on}, but rulebook {now.number} is in force. Nothing was changed; "
        "look at what is new and write it again.",
        difference=[
            {"what": "the rulebook in force", "shown": str(based_on), "now": str(now.number)},
            *({"what": change.sentence, "shown": "", "now": change.direction.value} for change in changes),
        ],
    )


def _named(number: int) -> InForceBook | None:
    if number == 0:
        return book_of(None)
    pk = Rulebook.objects.filter(number=number).values_list("pk", flat=True).first()
    return None if pk is None else book_of(pk)


def _overtake(revision: Rulebook) -> None:
    """End the other proposals: what they were written on is in force no more."""
    because = f"Rulebook {revision.number} came into force meanwhile."
    for proposal in open_proposals().select_for_update(of=("self",)):
        _end(proposal, ProposalState.OVERTAKEN, by=None, reason=because)
        event = RulebookOvertaken(proposal=proposal.number, digest=proposal.digest, by=revision.number)
        append(event, actor=SYSTEM, at=database_now())


def _decided(
    proposal: RulebookProposal, state: ProposalState, event: Event, *, by: Person, reason: str
) -> RulebookProposal:
    _end(proposal, state, by=by, reason=reason)
    append(event, actor=actor_for(by), at=database_now())
    return proposal


def _end(proposal: RulebookProposal, state: ProposalState, *, by: Person | None, reason: str) -> None:
    proposal.state = state.value
    proposal.decided_by, proposal.decided_at, proposal.decided_reason = by, database_now(), reason.strip()
    proposal.save(update_fields=["state", "decided_by", "decided_at", "decided_reason"])
