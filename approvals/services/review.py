"""Reviewing: one person's verdict on exactly what they were shown, and what follows from it."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from approvals.events import ReviewGiven
from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import RequestState, Verdict, resolve
from approvals.selectors.requests import obstacle
from approvals.selectors.reviewing import refusal, standing_reviews
from approvals.services.grant import issue
from approvals.services.request import end, lock
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, StaleView
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry.rules.texts import MOST_TEXT, fault_in

SHORTEST_REASON = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the request was looked at. ``seconds`` the page stood open, by our clock; the rest is what the browser says.

    None: not known.
    """

    seconds: int | None = None
    visible_seconds: int | None = None
    unfolded: bool | None = None


@transaction.atomic(durable=True)
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
    proof: Any = None,
) -> ApprovalRequest:
    """Record a verdict and settle the request when the threshold is reached.

    ``view_hash`` is the SHA-256 of the view that was rendered for this person. Raises StaleView (409) with
    the difference when anything it rests on has changed, NotAllowed (403) for whoever may not decide,
    InvalidTransition (409) when it is settled already, Conflict (409) for a second verdict.
    """
    request = lock(request)
    shown = shown or Shown()
    authority = authority_of(actor)
    # A settled request answers 409 to everyone who may see it, also to those who could never decide it.
    if request.state != RequestState.PENDING.value:
        raise InvalidTransition(f"{request.label} is {request.state} already. Your verdict was not recorded.")
    refused = refusal(request, actor, authority)
    if refused is not None:
        raise NotAllowed(f"{refused.sentence} Your verdict was not recorded.", reason=refused.code)
    _refuse_reason(reason)
    _refuse_if_stale(request, view_hash)
    now = database_now()
    try:
        with transaction.atomic():
            Review.objects.create(
                request=request,
                person=actor,
                human=actor.human,
                verdict=verdict.value,
                reason=reason.strip(),
                view_hash=view_hash,
                authority=authority.snapshot(),
            )
    except IntegrityError as error:
        raise Conflict(f"You have decided {request.label} already. Nothing was changed.") from error
    event = ReviewGiven(
        request=request.number,
        digest=bytes(request.digest).hex(),
        verdict=verdict.value,
        view_hash=view_hash.hex(),
        authority=authority.snapshot(),
        sign_in=list(sign_in),
        shown_seconds=shown.seconds,
        visible_seconds=shown.visible_seconds,
        unfolded=shown.unfolded,
        reason=reason.strip(),
    )
    append(event, actor=actor_for(actor), at=now, agent_id=request.agent_id, run_id=request.run_id)
    _settle(request)
    return request


def _refuse_reason(reason: str) -> None:
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault is None and len(reason.strip()) < SHORTEST_REASON:
        fault = "must say why, in a few words"
    if fault is not None:
        raise InvalidInput(
            f"The reason {fault}. Your verdict was not recorded.", errors=[{"pointer": "/reason", "detail": fault}]
        )


def _refuse_if_stale(request: ApprovalRequest, view_hash: bytes) -> None:
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


def _settle(request: ApprovalRequest) -> None:
    """End the request when its reviews do so. An approval by someone who has lost the right no longer counts."""
    state = resolve(standing_reviews(request), request.quorum)
    if state is RequestState.APPROVED:
        end(request, state, because="The threshold of approvals was reached.")
        issue(request=request)
    elif state is RequestState.DENIED:
        end(request, state, because="A reviewer denied it.")
