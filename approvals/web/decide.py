"""The page of one request, and the two things that can be done there: decide it, or take it back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.requests import obstacle, request_for
from approvals.selectors.reviewing import reviews_of
from approvals.services.request import withdraw
from approvals.services.review import Shown, add_review
from approvals.web.detail import Problem, detail_context, shown, shown_seconds, version_of
from approvals.web.document import read_view
from approvals.web.forms import DecisionForm
from portal.errors import InvalidInput, PortalError
from portal.identity.proof import recently_authenticated, sign_in_methods
from portal.identity.web.step_up import to_confirm
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.web.asking import person_of

DECIDED = "bailiwick:decided"


@signed_in
@require_safe
def request_page(request: HttpRequest, number: int) -> HttpResponse:
    """The sealed view and all about it. For htmx the panel beside the list. Opening it changes nothing."""
    asked = request_for(person_of(request), number)
    return _page(request, asked)


@signed_in
@require_safe
def request_news(request: HttpRequest, number: int) -> HttpResponse:
    """204 while the page that the reader has (``v``) is still true, else a notice of what happened."""
    asked = request_for(person_of(request), number)
    over = obstacle(asked, now=database_now()) if asked.state == RequestState.PENDING.value else None
    state = over.state.value if over else asked.state
    reviews = reviews_of(asked)
    if request.GET.get("v") == version_of(asked, reviews, state):
        return HttpResponse(status=204)
    context = {"asked": asked, "state": state, "because": over.because if over else asked.state_reason}
    return render(request, "approvals/_news.html", {**context, "reviews": reviews})


@signed_in
@require_POST
def review_request(request: HttpRequest, number: int) -> HttpResponse:
    """Record the verdict, or show the same page again with what is in the way and what was typed."""
    person = person_of(request)
    asked = request_for(person, number)
    form = DecisionForm(request.POST)
    if not form.is_valid() and "view_hash" in form.errors:
        form.cleaned_data["view_hash"] = ""  # no such view: the service says so, and shows the present one
    elif form.errors:
        return _incomplete(request, asked, form)
    verdict = Verdict(form.cleaned_data["verdict"])
    needs_proof = verdict is Verdict.APPROVE and read_view(bytes(asked.view)).irreversible
    if needs_proof and not recently_authenticated(request):
        return to_confirm(request)
    try:
        decided = add_review(
            actor=person,
            request=asked,
            verdict=verdict,
            reason=form.cleaned_data.get("reason", ""),
            view_hash=bytes.fromhex(form.cleaned_data["view_hash"]),
            sign_in=sign_in_methods(request),
            shown=Shown(seconds=shown_seconds(asked, form.cleaned_data.get("shown_at", ""))),
        )
    except PortalError as error:
        return _refused(request, number, form, error)
    return _after(request, decided, _said(decided, verdict))


@signed_in
@require_POST
def withdraw_request(request: HttpRequest, number: int) -> HttpResponse:
    """Take it back."""
    person = person_of(request)
    asked = withdraw(actor=person, request=request_for(person, number))
    return _after(request, asked, f"{asked.label} is withdrawn. The agent has to ask again.")


def _said(asked: ApprovalRequest, verdict: Verdict) -> str:
    if asked.state == RequestState.APPROVED.value:
        return f"{asked.label} is approved. The agent may make exactly this call, once."
    if verdict is Verdict.DENY:
        return f"{asked.label} is denied."
    return f"Your approval of {asked.label} is recorded. It needs more people before the agent may go on."


def _after(request: HttpRequest, asked: ApprovalRequest, sentence: str) -> HttpResponse:
    if not getattr(request, "htmx", False):
        messages.success(request, sentence)
        return redirect("approvals:request", number=asked.number)
    context = detail_context(request, request_for(person_of(request), asked.number), now=database_now())
    response = render(request, "approvals/_request.html", {**context, "said": sentence, "panel": True})
    response["HX-Trigger"] = DECIDED
    return response


def _refused(request: HttpRequest, number: int, form: DecisionForm, error: PortalError) -> HttpResponse:
    """The page as things stand now, the refusal above it, and the reason still in its field."""
    asked = request_for(person_of(request), number)
    if isinstance(error, InvalidInput):
        for fault in error.errors:
            form.add_error("reason", f"It {fault['detail']}.")
        return _incomplete(request, asked, form)
    problem = Problem(error.title, error.detail, error.extra.get("difference", []))
    return _page(request, asked, form=_again(asked, form), problem=problem, status=error.status)


def _incomplete(request: HttpRequest, asked: ApprovalRequest, form: DecisionForm) -> HttpResponse:
    """The page again with the field that stands in the way in sight and in focus."""
    form.fields["reason"].widget.attrs["autofocus"] = True
    response = _page(request, asked, form=_again(asked, form), status=422)
    if getattr(request, "htmx", False):
        response["HX-Reswap"] = "innerHTML"  # not to the top: the new field takes the focus
    return response


def _again(asked: ApprovalRequest, form: DecisionForm) -> DecisionForm:
    """The form with what was typed and the errors, tied to the view that is rendered now."""
    form.data = {**dict(form.data.items()), **shown(asked)}
    return form


def _page(
    request: HttpRequest,
    asked: ApprovalRequest,
    *,
    form: DecisionForm | None = None,
    problem: Problem | None = None,
    status: int = 200,
) -> HttpResponse:
    context = detail_context(request, asked, now=database_now(), form=form, problem=problem)
    panel = bool(getattr(request, "htmx", False))
    template = "approvals/_request.html" if panel else "approvals/request.html"
    return render(request, template, {**context, "panel": panel}, status=status)
