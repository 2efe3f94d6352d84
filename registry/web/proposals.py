"""Proposals: what waits for a second person, what exactly it would change, and the decision."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.errors import InvalidInput, PortalError
from portal.identity.proof import recently_authenticated, sign_in_methods
from portal.identity.web.step_up import to_confirm
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.models import PolicyProposal, ProposalState
from registry.rules.documents import nothing, stored_document
from registry.selectors.policies import Subject, catalogue_in_force, who_decides
from registry.selectors.proposals import (
    approve_refusal,
    author_fault,
    backtest_fault,
    deciders_of,
    proposal_for,
    refuse_refusal,
    visible_proposals,
    waiting_for,
)
from registry.services.proposals import approve_proposal, refuse_proposal, withdraw_proposal
from registry.web.asking import person_of, show_in
from registry.web.forms import ReasonForm
from registry.web.policy_difference import difference

MOST = 20


@signed_in
@require_safe
def proposal_list(request: HttpRequest) -> HttpResponse:
    """Every proposal that the reader may see, newest first."""
    person = person_of(request)
    page = page_by_cursor(visible_proposals(person), order=("-number",), cursor=request.GET.get("cursor"))
    waiting = set(waiting_for(person).values_list("number", flat=True))
    rows = [{"proposal": one, "subject": Subject.of(one), "waits": one.number in waiting} for one in page.items]
    return render(request, "registry/proposals.html", {"page": page, "rows": rows})


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The reader's part of the home page: changes they may decide; nothing when there are none."""
    person = person_of(request)
    found = [one for one in waiting_for(person)[: MOST + 1] if approve_refusal(person, one) is None]
    if not found:
        return HttpResponse()
    rows = [{"proposal": one, "subject": Subject.of(one)} for one in found[:MOST]]
    return render(request, "registry/home_proposals.html", {"rows": rows, "more": len(found) > MOST})


@signed_in
@require_safe
def proposal(request: HttpRequest, number: int) -> HttpResponse:
    """The difference, what it would have meant, and who may decide. Opening it changes nothing."""
    return _page(request, proposal_for(person_of(request), number), ReasonForm())


@signed_in
@require_POST
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Put it in force, bound to what was shown; a fresh proof of who is there comes first."""
    found = proposal_for(person_of(request), number)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    if not recently_authenticated(request):
        return to_confirm(request)
    try:
        revision = approve_proposal(
            actor=person_of(request),
            proposal=found,
            seal=_bytes(request.POST.get("seal", "")),
            reason=form.cleaned_data["reason"],
            sign_in=sign_in_methods(request),
        )
    except PortalError as error:
        return _refused(request, number, form, error)
    messages.success(request, f"{found.label} is approved. Revision {revision.number} is in force.")
    return redirect("registry:proposal", number=number)


@signed_in
@require_POST
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    """Say no, with a reason for its author."""
    found = proposal_for(person_of(request), number)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    try:
        refuse_proposal(
            actor=person_of(request),
            proposal=found,
            reason=form.cleaned_data["reason"],
            sign_in=sign_in_methods(request),
        )
    except PortalError as error:
        return _refused(request, number, form, error)
    messages.success(request, f"{found.label} is refused. The policy stays as it is.")
    return redirect("registry:proposal", number=number)


@signed_in
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Its author takes it back."""
    found = proposal_for(person_of(request), number)
    try:
        withdraw_proposal(actor=person_of(request), proposal=found, reason=request.POST.get("reason", ""))
    except PortalError as error:
        return _refused(request, number, ReasonForm(), error)
    messages.success(request, f"{found.label} is withdrawn. The policy stays as it is.")
    return redirect("registry:proposal", number=number)


def _refused(request: HttpRequest, number: int, form: ReasonForm, error: PortalError) -> HttpResponse:
    """The page as things stand now, with what was in the way and what was typed."""
    found = proposal_for(person_of(request), number)
    if isinstance(error, InvalidInput) and form.is_bound:
        show_in(form, error)
        return _page(request, found, form, status=422)
    return _page(request, found, form, status=error.status, problem=error)


def _page(
    request: HttpRequest,
    found: PolicyProposal,
    form: ReasonForm,
    *,
    status: int = 200,
    problem: PortalError | None = None,
) -> HttpResponse:
    person, subject = person_of(request), Subject.of(found)
    old = nothing(subject.level) if found.based_on is None else stored_document(subject.level, found.based_on.document)
    is_open = found.state == ProposalState.OPEN.value
    context: dict[str, Any] = {
        "proposal": found,
        "subject": subject,
        "difference": difference(old, stored_document(subject.level, found.document), catalogue_in_force()),
        "is_open": is_open,
        "seal": bytes(found.seal).hex() if found.seal is not None else "",
        "digest": bytes(found.digest).hex(),
        "fault": (author_fault(found) or backtest_fault(found, now=database_now())) if is_open else None,
        "approve_refusal": approve_refusal(person, found),
        "refuse_refusal": refuse_refusal(person, found),
        "deciders": deciders_of(found) if is_open else [],
        "who": who_decides(subject),
        "mine": found.author_id == person.pk,
        "again_url": _again(found, subject),
        "step_up": not recently_authenticated(request),
        "form": form,
        "problem": problem,
    }
    return render(request, "registry/proposal.html", context, status=status)


def _again(found: PolicyProposal, subject: Subject) -> str:
    """The form with the proposed change on top of what is in force now; empty for what was approved."""
    if found.state == ProposalState.APPROVED.value:
        return ""
    if subject.agent is not None:
        address = reverse("registry:policy_change", args=[subject.agent.slug])
    elif subject.team is not None:
        address = reverse("registry:policy_team_change", args=[subject.team.slug])
    elif found.document.get("actions") != (found.based_on.document.get("actions") if found.based_on else None):
        address = reverse("registry:catalogue_change")
    else:
        address = reverse("registry:policy_organisation_change")
    return f"{address}?from={found.number}"


def _bytes(text: str) -> bytes:
    """A seal from a form; what is none matches none."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
