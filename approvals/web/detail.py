"""What the page of one request shows: the sealed view, who decides, what became of it, and what came before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from approvals.models import ApprovalRequest, Grant, RefusedVerdict, Review
from approvals.rules.eligibility import Refusal
from approvals.rules.refused import told
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState, Verdict
from approvals.selectors.deciding import last_turn, reason_least, step_up_of
from approvals.selectors.grants import GrantStatus, grant_of, status_of
from approvals.selectors.requests import overtaken, same_action
from approvals.selectors.reviewing import (
    blocked_sentence,
    capacities,
    duties_of,
    refusal,
    reviewers_of,
    reviews_of,
    settled,
)
from approvals.services.comment import may_comment
from approvals.web.document import read_view
from approvals.web.forms import DecisionForm
from approvals.web.pulse import pulse_for
from approvals.web.stages import counted, group_words, places, stages_of, why_not
from approvals.web.stamp import stamp
from portal.identity.bound_proof import has_passkey
from portal.identity.models import Person
from portal.identity.proof import recently_authenticated
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from registry.web.asking import person_of


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
    # While it waits, its news come with the pulse. Before the rows: what changes in between is read again.
    heard = pulse_for(person, now=now) if asked.state == RequestState.PENDING.value else {}
    authority = authority_of(person)
    sealed = read_view(bytes(asked.view))
    reviews = reviews_of(asked)
    over = overtaken(asked, now=now)
    state = over.state.value if over else asked.state
    pending = state == RequestState.PENDING.value
    grant = grant_of(asked) if asked.state in {RequestState.APPROVED.value, RequestState.VOIDED.value} else None
    grant_status = status_of(grant, asked, now=now) if grant else None
    may_withdraw = person.pk == asked.initiator_id or authority.has(Role.MANAGER, asked.agent.owner_team_id)
    return {
        "asked": asked,
        "label": sealed.label_of(asked.action),
        "sealed": sealed,
        "view": sealed.document,
        "view_hash": bytes(asked.view_hash).hex(),
        "state": state,
        "because": over.because if over else asked.state_reason,
        "pending": pending,
        "reviews": _worded(asked, reviews, sealed.groups),
        "stages": stages_of(asked, reviews, sealed.groups, settled(asked).places),
        "counted": len(counted(reviews)),
        "may_withdraw": pending and may_withdraw,
        "form": form or DecisionForm(initial=shown(asked)),
        "problem": problem,
        "grant": grant,
        "grant_status": grant_status,
        "undo_url": _undo_url(asked, person, grant_status),
        "replaced_by": getattr(asked, "replaced_by", None) if state == RequestState.REPLACED.value else None,
        # Only when it is over: before that it looks like any other.
        "canary_url": reverse("approvals:canary", args=[asked.number]) if asked.canary and asked.resolved_at else "",
        "comments": list(asked.comments.select_related("person")),
        "comment_url": reverse("approvals:comment", args=[asked.number]) if may_comment(asked, person) else "",
        "history": _history(asked, reviews, grant),
        "precedent": _precedent(asked),
        "version": version_of(asked, reviews, state),
        **heard,
        **(_deciding(request, asked, person) if pending else _CLOSED),
    }


_CLOSED: Final[dict[str, Any]] = {"reviewers": [], "refused": None, "may_decide": False}


def _deciding(request: HttpRequest, asked: ApprovalRequest, person: Person) -> dict[str, Any]:
    """Who may decide, whether the reader is one of them, and what it takes."""
    found = places(capacities(asked, person))
    refused: Refusal | None = None if found else refusal(asked, person, authority_of(person)) or _OTHERS
    asks, page = step_up_of(asked), reverse("approvals:request", args=[asked.number])
    return {
        "reviewers": [(one.person, why_not(one.refusal)) for one in reviewers_of(asked)],
        "blocked": blocked_sentence(asked),
        "refused": refused,
        "may_decide": refused is None,
        "ties": [] if refused is None else _ties(asked, refused),
        "capacities": found,
        "reason_least": reason_least(asked, Verdict.APPROVE),
        "fresh": asks is StepUp.FRESH,
        "step_up": asks is StepUp.FRESH and not recently_authenticated(request),
        "passkey": asks is StepUp.PASSKEY,
        "has_passkey": asks is StepUp.PASSKEY and has_passkey(person),
        "passkey_url": f"{reverse('mfa_add_webauthn')}?{urlencode({'next': page})}",
        "proof_url": reverse("approvals:proof", args=[asked.number]),
        "edit_url": reverse("approvals:edit", args=[asked.number]),
    }


_OTHERS: Final = Refusal("other-stage", "The stage that is open now is for others to decide.")


def _ties(asked: ApprovalRequest, refused: Refusal) -> list[str]:
    """Who has which part in the request, in words: the ways that keep people from deciding it."""
    said = [sentence for duty in duties_of(asked) for sentence in duty.sentences]
    return [sentence for sentence in said if sentence != refused.sentence]


def _worded(asked: ApprovalRequest, reviews: list[Review], groups: dict[str, str]) -> list[Review]:
    """The reviews, each with the capacity it counts for in words."""
    for review in reviews:
        words = group_words(review.capacity, asked, groups) if review.capacity else ""
        review.capacity_words = words  # type: ignore[attr-defined]
    return reviews


def _undo_url(asked: ApprovalRequest, person: Person, grant: GrantStatus | None) -> str:
    """Where the reader takes their own approval back; empty when there is none, or it is too late."""
    last = last_turn(asked, person.human)
    if last is None or last.verdict != Verdict.APPROVE.value:
        return ""
    open_still = asked.state == RequestState.PENDING.value or (grant is not None and grant.state is GrantState.ISSUED)
    return reverse("approvals:undo", args=[asked.number]) if open_still else ""


_LATER: Final = {
    GrantOutcome.SUCCEEDED.value: "Carried out, and it succeeded.",
    GrantOutcome.FAILED.value: "Carried out, and it failed.",
}


def _precedent(asked: ApprovalRequest) -> list[ApprovalRequest]:
    """Earlier requests like this one, each with what became of it later."""
    found = list(same_action(asked))
    for one in found:
        one.later = _later(getattr(one, "grant", None))  # type: ignore[attr-defined]
    return found


def _later(grant: Grant | None) -> str:
    if grant is None:
        return ""
    if grant.state == GrantState.REDEEMED.value:
        return _LATER.get(grant.outcome, "Carried out; nobody has said how it went.")
    return "Not carried out yet." if grant.state == GrantState.ISSUED.value else "Never carried out."


_SAID: Final = {
    Verdict.APPROVE.value: "approved",
    Verdict.DENY.value: "denied",
    Verdict.CHANGES.value: "asked for changes",
    Verdict.RETRACT.value: "took it back",
}


def _history(asked: ApprovalRequest, reviews: Sequence[Review], grant: Grant | None) -> list[tuple[datetime, str]]:
    """What happened to the request, oldest first."""
    steps = [(asked.opened_at, _opened(asked))]
    if asked.escalated_at:
        steps.append((asked.escalated_at, "The next in line was told"))
    steps += [(review.at, f"{review.person.name} {_SAID[review.verdict]}") for review in reviews]
    refused = RefusedVerdict.objects.filter(request=asked).select_related("person")
    steps += [(one.at, f"{one.person.name} {told(one.rule, one.verdict)}") for one in refused]
    if asked.resolved_at:
        steps.append((asked.resolved_at, asked.state.capitalize()))
    if grant:
        steps.append((grant.issued_at, "Grant issued"))
        if grant.redeemed_at:
            steps.append((grant.redeemed_at, "Grant redeemed: the call was let through"))
        if grant.outcome_at:
            steps.append((grant.outcome_at, f"Outcome reported: {grant.outcome}"))
    return sorted(steps, key=lambda step: step[0])


def _opened(asked: ApprovalRequest) -> str:
    if asked.canary and asked.resolved_at:
        return "The portal planted it"
    editor = asked.edited_by
    return f"{editor.name} changed what the agent asked" if editor else "The agent asked"


def version_of(asked: ApprovalRequest, reviews: list[Review], state: str) -> str:
    """Changes whenever what the reader would want to know of has changed."""
    return f"{state}-{len(reviews)}-{bytes(asked.view_hash).hex()[:12]}"


def shown(asked: ApprovalRequest) -> dict[str, str]:
    """The hidden values of a decision: the hash of the view that is rendered, and when it was."""
    return {"view_hash": bytes(asked.view_hash).hex(), "shown_at": stamp([asked.number])}
