"""Taking a verdict back: while nothing rests on it that cannot be taken back with it."""

from collections.abc import Sequence

from django.db import transaction

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.deciding import last_turn
from approvals.selectors.grants import grant_of
from approvals.services.grant import void_approved
from approvals.services.request import lock
from approvals.services.review import Weight, record_turn
from portal.errors import InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now

BECAUSE = "Whoever approved it took the approval back."


@transaction.atomic(durable=True)
def undo(*, actor: Person, request: ApprovalRequest, sign_in: Sequence[str] = ()) -> ApprovalRequest:
    """Take the actor's own approval back, in whichever capacity it was given.

    While the request waits, the verdict no longer counts; once it is approved and the grant not used, grant and
    request are voided. NotAllowed (403) for whoever gave none; InvalidTransition (409) for anything that is too
    late, a denial included: the agent may have been told.
    """
    request = lock(request)
    given = _given(request, actor)
    if request.state not in {RequestState.PENDING.value, RequestState.APPROVED.value}:
        raise InvalidTransition(f"{request.label} is {request.state} already. Nothing was changed.")
    record_turn(
        request=request,
        actor=actor,
        verdict=Verdict.RETRACT,
        reason="",
        weight=Weight(
            view_hash=bytes(given.view_hash),
            authority=authority_of(actor).snapshot(),
            sign_in=sign_in,
            turn=given.turn + 1,
            stage=given.stage,
            capacity=given.capacity,
            on_behalf_of_id=given.on_behalf_of_id,
        ),
    )
    if request.state == RequestState.APPROVED.value:
        _void(request, actor)
    return request


def _given(request: ApprovalRequest, actor: Person) -> Review:
    """The approval that is taken back."""
    given = last_turn(request, actor.human)
    if given is None or not actor.is_active:
        raise NotAllowed(f"You gave no verdict on {request.label}, so there is none to take back. Nothing was changed.")
    if given.verdict == Verdict.RETRACT.value:
        raise InvalidTransition(f"You have taken your verdict on {request.label} back already. Nothing was changed.")
    if given.verdict != Verdict.APPROVE.value:
        raise InvalidTransition(
            f"Only an approval can be taken back; of {request.label} the agent may have been told already. "
            "Nothing was changed."
        )
    return given


def _void(request: ApprovalRequest, actor: Person) -> None:
    """End the unused grant, or raise: then the turn just recorded is rolled back with all else."""
    grant = grant_of(request)
    if grant is not None and grant.state == GrantState.ISSUED.value and grant.expires_at <= database_now():
        raise InvalidTransition(f"The grant of {request.label} ended unused; nothing is left to take back.")
    if void_approved(request=request, because=BECAUSE, by=actor_for(actor)):
        return
    grant = grant_of(request)  # read again: who redeemed it may have been waited for
    used = grant is not None and grant.state == GrantState.REDEEMED.value
    why = "the agent has made the call already" if used else "its grant has ended"
    raise InvalidTransition(f"It is too late to take back {request.label}: {why}. Nothing was changed.")
