"""Taking a verdict back: while nothing rests on it that cannot be taken back with it."""

from collections.abc import Sequence

from django.db import transaction

from approvals.events import GrantVoided
from approvals.models import ApprovalRequest, Grant
from approvals.rules.workflow import GrantState, RequestState, Verdict, advance_grant
from approvals.selectors.deciding import last_turn
from approvals.services.request import end, lock
from approvals.services.review import Weight, record_turn
from portal.errors import InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

BECAUSE = "Whoever approved it took the approval back."


@transaction.atomic(durable=True)
def undo(*, actor: Person, request: ApprovalRequest, sign_in: Sequence[str] = ()) -> ApprovalRequest:
    """Take the actor's own approval back, in whichever capacity it was given.

    While the request waits, the verdict no longer counts; once it is approved and the grant not used, grant and
    request are voided. NotAllowed (403) for whoever gave none; InvalidTransition (409) for anything that is too
    late, a denial included: the agent may have been told.
    """
    request = lock(request)
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
    grant = _grant_to_void(request)
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
    if grant is not None:
        _void(grant, request, actor)
    return request


def _grant_to_void(request: ApprovalRequest) -> Grant | None:
    """The unused grant with its row locked; None while the request waits. Whoever redeems holds the same lock."""
    if request.state == RequestState.PENDING.value:
        return None
    if request.state != RequestState.APPROVED.value:
        raise InvalidTransition(f"{request.label} is {request.state} already. Nothing was changed.")
    grant = Grant.objects.select_for_update().filter(request=request).first()
    if grant is None or grant.state != GrantState.ISSUED.value:
        used = (
            "has made the call already" if grant and grant.state == GrantState.REDEEMED.value else "has no grant left"
        )
        raise InvalidTransition(f"It is too late: the agent {used} under {request.label}. Nothing was changed.")
    if grant.expires_at <= database_now():
        raise InvalidTransition(f"The grant of {request.label} ended unused; nothing is left to take back.")
    return grant


def _void(grant: Grant, request: ApprovalRequest, actor: Person) -> None:
    grant.state = advance_grant(GrantState(grant.state), GrantState.VOIDED).value
    grant.save(update_fields=["state"])
    event = GrantVoided(request=request.number, grant=grant.pk, digest=bytes(grant.digest).hex(), because=BECAUSE)
    by = actor_for(actor)
    append(event, actor=by, at=database_now(), agent_id=request.agent_id, run_id=request.run_id)
    end(request, RequestState.VOIDED, because=BECAUSE, by=by)
