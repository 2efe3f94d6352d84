"""Reviewing: one person's verdict on exactly what they were shown, and what follows from it."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from approvals.events import ReviewGiven
from approvals.models import ApprovalRequest, Review
from approvals.rules.reasons import fault_in_reason
from approvals.rules.refused import INVOLVED
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.deciding import last_turn, reason_least, run_of, step_up_of
from approvals.selectors.requests import obstacle
from approvals.selectors.reviewing import capacities, refusal, settled
from approvals.services import canaries
from approvals.services.grant import issue
from approvals.services.refused import refusal_kept
from approvals.services.request import end, lock
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, StaleView
from portal.identity.bound_proof import Assertion, holds
from portal.identity.models import Person
from portal.identity.proof import StepUpRequired
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

# What each way of ending a request is recorded with.
_BECAUSE = {
    RequestState.APPROVED: "The threshold of approvals was reached.",
    RequestState.DENIED: "A reviewer denied it.",
    RequestState.RETURNED: "A reviewer asked for changes.",
}


class PasskeyRequired(StepUpRequired):
    """Approving this takes a passkey's signature over exactly this decision; a session or token is not enough."""

    code, title = "passkey-required", "Confirm with your passkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the request was looked at. ``seconds`` the page stood open, by our clock; the rest is what the browser says.

    None: not known.
    """

    seconds: int | None = None
    visible_seconds: int | None = None
    unfolded: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """All that a verdict is kept with: on which view, with which right, in which place, how looked at and proved."""

    view_hash: bytes
    authority: dict[str, object]
    sign_in: Sequence[str]
    turn: int
    stage: int
    capacity: str
    on_behalf_of_id: UUID | None = None
    shown: Shown = Shown()
    proof: Assertion | None = None


def add_review(
    *,
    actor: Person,
    request: ApprovalRequest,
    verdict: Verdict,
    reason: str,
    view_hash: bytes,
    sign_in: Sequence[str] = (),
    shown: Shown | None = None,
    on_behalf_of: Person | None = None,
    fresh: bool = False,
    proof: Assertion | None = None,
) -> ApprovalRequest:
    """Record a verdict and settle the request when its stages are full, or when one denial or change ends it.

    ``view_hash`` is the SHA-256 of the view that was rendered for this person; ``on_behalf_of`` whose right they use,
    under a delegation; ``fresh`` that they have just proved who they are; ``proof`` their passkey's signature over
    exactly this decision. Raises StaleView (409) with the difference when anything it rests on has changed,
    NotAllowed (403) for whoever may not decide or has not proved enough, InvalidTransition (409) when it is settled
    already, Conflict (409) for a second verdict. A refusal changes nothing; one that says something about the person
    leaves an entry (approvals.rules.refused).
    """
    with refusal_kept(actor=actor, request=request, verdict=verdict), transaction.atomic(durable=True):
        request = lock(request)
        weight = weigh(
            actor=actor,
            request=request,
            verdict=verdict,
            reason=reason,
            view_hash=view_hash,
            sign_in=sign_in,
            shown=shown,
            on_behalf_of=on_behalf_of,
            fresh=fresh,
            proof=proof,
        )
        give(actor=actor, request=request, verdict=verdict, reason=reason, weight=weight)
    return request


def weigh(
    *,
    actor: Person,
    request: ApprovalRequest,
    verdict: Verdict,
    reason: str,
    view_hash: bytes,
    sign_in: Sequence[str] = (),
    shown: Shown | None = None,
    on_behalf_of: Person | None = None,
    fresh: bool = False,
    proof: Assertion | None = None,
) -> Weight:
    """Whether this verdict can be given now on a locked request, and with what weight. Changes nothing."""
    if verdict is Verdict.RETRACT:
        raise InvalidInput("A verdict is taken back by undoing it. Nothing was recorded.")
    # A settled request answers 409 to everyone who may see it, also to those who could never decide it.
    if request.state != RequestState.PENDING.value:
        raise InvalidTransition(f"{request.label} is {request.state} already. Your verdict was not recorded.")
    authority = authority_of(actor)
    refused = refusal(request, actor, authority, on_behalf_of)
    if refused is not None:
        if refused.code == "already-reviewed":
            raise Conflict(f"You have decided {request.label} already. Nothing was changed.", reason=refused.code)
        raise NotAllowed(f"{refused.sentence} Your verdict was not recorded.", reason=refused.code)
    refuse_reason(reason, least=reason_least(request, verdict))
    refuse_if_stale(request, view_hash)
    _refuse_unproved(request, actor, verdict, fresh, proof)
    behalf = on_behalf_of.pk if on_behalf_of else None
    before = last_turn(request, actor.human)
    return Weight(
        view_hash=view_hash,
        authority=authority.snapshot(),
        sign_in=sign_in,
        turn=before.turn + 1 if before else 1,
        stage=settled(request).stage,
        capacity=_capacity(request, actor, behalf),
        on_behalf_of_id=behalf,
        shown=shown or Shown(),
        proof=proof,
    )


def give(*, actor: Person, request: ApprovalRequest, verdict: Verdict, reason: str, weight: Weight) -> None:
    """Record the weighed verdict and do what follows from it; inside the transaction that locked the request."""
    review = record_turn(actor=actor, request=request, verdict=verdict, reason=reason, weight=weight)
    if request.canary:
        canaries.settled(request=request, review=review)
    else:
        _settle(request)


def record_turn(*, actor: Person, request: ApprovalRequest, verdict: Verdict, reason: str, weight: Weight) -> Review:
    """The row and the entry of one turn."""
    proof = None if weight.proof is None else weight.proof.public()
    try:
        with transaction.atomic():
            review = Review.objects.create(
                request=request,
                person=actor,
                human=actor.human,
                verdict=verdict.value,
                turn=weight.turn,
                stage=weight.stage,
                capacity=weight.capacity,
                on_behalf_of_id=weight.on_behalf_of_id,
                reason=reason.strip(),
                view_hash=weight.view_hash,
                authority=weight.authority,
                shown_seconds=weight.shown.seconds,
                visible_seconds=weight.shown.visible_seconds,
                unfolded=weight.shown.unfolded,
                assertion=proof,
            )
    except IntegrityError as error:
        if "approvals_review_involved" in str(error):
            raise NotAllowed(
                "You have a part in this request. Your verdict was not recorded.", reason=INVOLVED
            ) from error
        raise Conflict(f"You have decided {request.label} already. Nothing was changed.") from error
    event = ReviewGiven(
        request=request.number,
        digest=bytes(request.digest).hex(),
        verdict=verdict.value,
        view_hash=weight.view_hash.hex(),
        authority=weight.authority,
        sign_in=list(weight.sign_in),
        shown_seconds=weight.shown.seconds,
        turn=weight.turn,
        stage=weight.stage,
        capacity=weight.capacity,
        on_behalf_of=weight.on_behalf_of_id,
        visible_seconds=weight.shown.visible_seconds,
        unfolded=weight.shown.unfolded,
        assertion=proof,
        reason=reason.strip(),
    )
    append(event, actor=actor_for(actor), at=database_now(), agent_id=request.agent_id, run_id=run_of(request))
    return review


def refuse_reason(reason: str, *, least: int) -> None:
    """400 for a reason that cannot be kept or says too little."""
    fault = fault_in_reason(reason, least=least)
    if fault is not None:
        raise InvalidInput(
            f"The reason {fault}. Your verdict was not recorded.", errors=[{"pointer": "/reason", "detail": fault}]
        )


def refuse_if_stale(request: ApprovalRequest, view_hash: bytes) -> None:
    """409 with what changed: the view itself, or the world it describes."""
    if not hmac.compare_digest(view_hash, bytes(request.view_hash)):
        raise StaleView(
            f"What you were shown is not what {request.label} asks now. Your verdict was not recorded; "
            "reload the page and look again.",
            difference=[{"what": "the sealed view", "shown": view_hash.hex(), "now": bytes(request.view_hash).hex()}],
        )
    changed = obstacle(request, now=database_now())
    if changed is not None:
        raise StaleView(
            f"{changed.because} {request.label} can no longer be decided; your verdict was not recorded.",
            difference=[{"what": changed.what, "shown": changed.shown, "now": changed.now}],
        )


def _refuse_unproved(
    request: ApprovalRequest, actor: Person, verdict: Verdict, fresh: bool, proof: Assertion | None
) -> None:
    """Approving can ask for a fresh proof or for a passkey; saying no never does."""
    if verdict is not Verdict.APPROVE:
        return
    # A proof that is not needed is kept as well, so it must be of this decision all the same.
    proved = proof is not None and holds(
        proof, actor, digest=bytes(request.digest), view_hash=bytes(request.view_hash), verdict=verdict.value
    )
    step_up = step_up_of(request)
    if proof is not None and not proved:
        raise PasskeyRequired("The passkey confirmed something else than this decision. Nothing was recorded.")
    if step_up is StepUp.PASSKEY and not proved:
        raise PasskeyRequired(
            f"Approving {request.label} takes your passkey, on its page in a browser. Nothing was recorded; "
            "a denial needs none."
        )
    if step_up is StepUp.FRESH and not (fresh or proved):
        raise StepUpRequired(
            f"Approving {request.label} needs a fresh proof of who you are. Nothing was recorded. "
            "Confirm in the browser, then send it again."
        )


def _capacity(request: ApprovalRequest, actor: Person, behalf: UUID | None) -> str:
    """The group that the verdict counts for: of the open stage, in the person's own right or in that of another."""
    for capacity in capacities(request, actor):
        if (capacity.on_behalf_of.pk if capacity.on_behalf_of else None) == behalf:
            return capacity.group
    raise NotAllowed(f"It is not your turn to decide {request.label}. Your verdict was not recorded.")


def _settle(request: ApprovalRequest) -> None:
    """End the request when its reviews do so. An approval by someone who has lost the right no longer counts."""
    state = settled(request).state
    if state is None:
        return
    end(request, state, because=_BECAUSE[state])
    if state is RequestState.APPROVED:
        issue(request=request)
