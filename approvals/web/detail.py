"""What the page of one request shows: the sealed view, who decides, what became of it, and what came before."""

from dataclasses import dataclass
from datetime import datetime
from time import time
from typing import Any

from django.core import signing
from django.http import HttpRequest

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.eligibility import Refusal
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.grants import grant_of, status_of
from approvals.selectors.requests import obstacle, same_action
from approvals.selectors.reviewing import refusal, reviewers_of, reviews_of
from approvals.web.document import read_view
from approvals.web.forms import DecisionForm
from portal.identity.proof import recently_authenticated
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from registry.web.asking import person_of

_SALT = "approvals.shown"


@dataclass(frozen=True)
class Problem:
    """A refusal shown on the page it belongs to, with what was typed kept."""

    title: str
    detail: str
    difference: list[dict[str, str]]


def detail_context(
    request: HttpRequest,
    asked: ApprovalRequest,
    *,
    now: datetime,
    form: DecisionForm | None = None,
    problem: Problem | None = None,
) -> dict[str, Any]:
    """Everything for ``approvals/_request.html``. Changes nothing."""
    person = person_of(request)
    authority = authority_of(person)
    sealed = read_view(bytes(asked.view))
    reviews = reviews_of(asked)
    over = obstacle(asked, now=now) if asked.state == RequestState.PENDING.value else None
    refused: Refusal | None = refusal(asked, person, authority)
    grant = grant_of(asked) if asked.state == RequestState.APPROVED.value else None
    may_withdraw = person.pk == asked.initiator_id or authority.has(Role.MANAGER, asked.agent.owner_team_id)
    pending = asked.state == RequestState.PENDING.value and over is None
    return {
        "asked": asked,
        "label": sealed.label_of(asked.action),
        "sealed": sealed,
        "view": sealed.document,
        "view_hash": bytes(asked.view_hash).hex(),
        "state": over.state.value if over else asked.state,
        "because": over.because if over else asked.state_reason,
        "pending": pending,
        "reviews": reviews,
        "counted": len({review.person_id for review in reviews if review.verdict == "approve" and _counts(review)}),
        "reviewers": reviewers_of(asked) if pending else [],
        "refused": refused if pending else None,
        "may_decide": pending and refused is None,
        "may_withdraw": pending and may_withdraw,
        "step_up": sealed.irreversible and not recently_authenticated(request),
        "form": form or DecisionForm(initial=shown(asked)),
        "problem": problem,
        "grant": grant,
        "grant_status": status_of(grant, asked, now=now) if grant else None,
        "history": _history(asked, reviews, grant),
        "precedent": list(same_action(asked)),
        "version": version_of(asked, reviews, over.state.value if over else asked.state),
    }


def _history(asked: ApprovalRequest, reviews: list[Review], grant: Grant | None) -> list[tuple[datetime, str]]:
    """What happened to the request, oldest first."""
    steps = [(asked.opened_at, "The agent asked")]
    said = {Verdict.APPROVE.value: "approved", Verdict.DENY.value: "denied"}
    steps += [(review.at, f"{review.person.name} {said[review.verdict]}") for review in reviews]
    if asked.resolved_at:
        steps.append((asked.resolved_at, asked.state.capitalize()))
    if grant:
        steps.append((grant.issued_at, "Grant issued"))
        if grant.redeemed_at:
            steps.append((grant.redeemed_at, "Grant redeemed: the call was let through"))
    return steps


def _counts(review: Review) -> bool:
    return bool(getattr(review, "counts", True))


def version_of(asked: ApprovalRequest, reviews: list[Review], state: str) -> str:
    """Changes whenever what the reader would want to know of has changed."""
    return f"{state}-{len(reviews)}-{bytes(asked.view_hash).hex()[:12]}"


def shown(asked: ApprovalRequest) -> dict[str, str]:
    """The hidden values of a decision: the hash of the view that is rendered, and when it was."""
    stamp = signing.dumps([asked.number, int(time())], salt=_SALT)
    return {"view_hash": bytes(asked.view_hash).hex(), "shown_at": stamp}


def shown_seconds(asked: ApprovalRequest, stamp: str) -> int | None:
    """How long the page stood open before the verdict; None when the stamp is missing or not ours."""
    try:
        number, at = signing.loads(stamp, salt=_SALT)
    except signing.BadSignature:
        return None
    return max(0, int(time()) - at) if number == asked.number else None
