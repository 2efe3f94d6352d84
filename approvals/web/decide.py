"""The page of one request, and what is done there: deciding, taking back, commenting, withdrawing."""

from collections.abc import Iterable

from django.contrib import messages
from django.contrib.messages import constants
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals.models import ApprovalRequest
from approvals.rules.canary import CanaryOutcome
from approvals.rules.refused import NOT_DELEGATED
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.canaries import told
from approvals.selectors.requests import overtaken, request_for
from approvals.selectors.reviewing import capacities, reviews_of
from approvals.services.comment import comment
from approvals.services.refused import refusal_kept
from approvals.services.request import withdraw
from approvals.services.review import PasskeyRequired, Shown, add_review
from approvals.services.undo import undo
from approvals.web.detail import Problem, detail_context, shown, version_of
from approvals.web.forms import CommentForm, DecisionForm
from approvals.web.stamp import seconds_open
from portal.errors import Conflict, InvalidInput, NotAllowed, PortalError
from portal.identity.bound_proof import Assertion, begin, finish
from portal.identity.models import Person
from portal.identity.proof import StepUpRequired, recently_authenticated, sign_in_methods
from portal.identity.web.step_up import to_confirm
from portal.ledger.rules.canonical import CanonicalError, parse_strict
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.web.asking import person_of, show_in

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
    over = overtaken(asked, now=database_now())
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
    try:
        with refusal_kept(actor=person, request=asked, verdict=verdict):
            behalf, proof = _behalf(asked, person, form), _proof(asked, person, verdict, form)
        decided = add_review(
            actor=person,
            request=asked,
            verdict=verdict,
            reason=form.cleaned_data.get("reason", ""),
            view_hash=bytes.fromhex(form.cleaned_data["view_hash"]),
            sign_in=sign_in_methods(request),
            shown=_shown(asked, form),
            on_behalf_of=behalf,
            fresh=recently_authenticated(request),
            proof=proof,
        )
    except PasskeyRequired as error:
        return _refused(request, number, form, error)
    except StepUpRequired:
        return to_confirm(request)
    except PortalError as error:
        return _refused(request, number, form, error)
    return _after(request, decided, _said(decided, verdict))


@signed_in
@require_POST
def begin_proof(request: HttpRequest, number: int) -> HttpResponse:
    """What the browser hands to the passkey, so that it signs approving exactly this; for the page's script."""
    person = person_of(request)
    asked = request_for(person, number)
    try:
        options = begin(
            person, digest=bytes(asked.digest), view_hash=bytes(asked.view_hash), verdict=Verdict.APPROVE.value
        )
    except PortalError as error:
        return JsonResponse({"title": error.title, "detail": error.detail}, status=error.status)
    return JsonResponse(options)


@signed_in
@require_POST
def undo_review(request: HttpRequest, number: int) -> HttpResponse:
    """Take one's own approval back."""
    person = person_of(request)
    asked = request_for(person, number)
    try:
        after = undo(actor=person, request=asked, sign_in=sign_in_methods(request))
    except Conflict as error:
        return _stands(request, number, error)
    if after.state == RequestState.PENDING.value:
        return _after(request, after, f"Your approval of {after.label} is taken back. It no longer counts.")
    return _after(request, after, f"Your approval of {after.label} is taken back and its grant is ended, unused.")


@signed_in
@require_POST
def comment_request(request: HttpRequest, number: int) -> HttpResponse:
    """Keep a comment, or show the page again with what is wrong with it and what was typed."""
    person = person_of(request)
    asked = request_for(person, number)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _page(request, asked, comment=form, status=422)
    try:
        comment(actor=person, request=asked, text=form.cleaned_data["text"])
    except InvalidInput as error:
        show_in(form, error)
        return _page(request, asked, comment=form, status=422)
    except Conflict as error:
        return _stands(request, number, error)
    return _after(request, asked, "Your comment is kept.")


@signed_in
@require_POST
def withdraw_request(request: HttpRequest, number: int) -> HttpResponse:
    """Take it back."""
    person = person_of(request)
    try:
        asked = withdraw(actor=person, request=request_for(person, number))
    except Conflict as error:
        return _stands(request, number, error)
    return _after(request, asked, f"{asked.label} is withdrawn. The agent has to ask again.")


def _shown(asked: ApprovalRequest, form: DecisionForm) -> Shown:
    """How it was looked at: the time by our stamp, the rest as the browser says, None where no script said it."""
    said, visible = form.cleaned_data, form.visible_seconds
    return Shown(
        seconds=seconds_open(said.get("shown_at", ""), [asked.number]),
        visible_seconds=visible,
        unfolded=None if visible is None else said.get("unfolded") == "1",
    )


def _behalf(asked: ApprovalRequest, person: Person, form: DecisionForm) -> Person | None:
    """Whose right is used: whoever was named, if that right is theirs to use; the service asks again."""
    named = form.cleaned_data.get("on_behalf_of")
    if not named:
        return None
    givers = [capacity.on_behalf_of for capacity in capacities(asked, person)]
    found = next((giver for giver in givers if giver is not None and str(giver.pk) == named), None)
    if found is None:
        raise NotAllowed(
            "You do not stand in for that person now. Your verdict was not recorded.", reason=NOT_DELEGATED
        )
    return found


def _proof(asked: ApprovalRequest, person: Person, verdict: Verdict, form: DecisionForm) -> Assertion | None:
    """The passkey's answer, checked and its challenge spent; None when there is none."""
    answer = form.cleaned_data.get("proof")
    if verdict is not Verdict.APPROVE or not answer:
        return None
    try:
        read = parse_strict(answer.encode())
    except (CanonicalError, UnicodeEncodeError):
        read = None
    return finish(
        person,
        read if isinstance(read, dict) else {},
        digest=bytes(asked.digest),
        view_hash=bytes(asked.view_hash),
        verdict=verdict.value,
    )


def _said(asked: ApprovalRequest, verdict: Verdict) -> str:
    if asked.canary:
        return said_of_canary(asked)
    if asked.state == RequestState.APPROVED.value:
        return f"{asked.label} is approved. The agent may make exactly this call, once."
    if verdict is Verdict.DENY:
        return f"{asked.label} is denied."
    if verdict is Verdict.CHANGES:
        return f"{asked.label} is sent back. The agent is told what you wrote."
    return f"Your approval of {asked.label} is recorded. It needs more people before the agent may go on."


def said_of_canary(asked: ApprovalRequest) -> str:
    """Told at once to whoever settled it, and kindly."""
    was = told(asked)
    if was is None or was.outcome is CanaryOutcome.CAUGHT:
        return f"{asked.label} was a canary, planted to be caught, and you caught it. No agent asked for it."
    return f"{asked.label} was a canary, which ought to be denied. Nothing was granted. {was.gave_away}"


def tone_of(decided: Iterable[ApprovalRequest]) -> int:
    """The level of the message: no tick for a canary that was let through."""
    settled = (told(one) for one in decided if one.canary)
    missed = any(was is not None and was.outcome is CanaryOutcome.MISSED for was in settled)
    return messages.WARNING if missed else messages.SUCCESS


def _after(request: HttpRequest, asked: ApprovalRequest, sentence: str) -> HttpResponse:
    tone = tone_of([asked])
    if not getattr(request, "htmx", False):
        messages.add_message(request, tone, sentence)
        return redirect("approvals:request", number=asked.number)
    context = detail_context(request, request_for(person_of(request), asked.number), now=database_now())
    response = render(
        request,
        "approvals/_request.html",
        {**context, "said": sentence, "tone": constants.DEFAULT_TAGS[tone], "panel": True},
    )
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


def _stands(request: HttpRequest, number: int, error: PortalError) -> HttpResponse:
    """The page as things stand now with the refusal above it."""
    asked = request_for(person_of(request), number)
    return _page(request, asked, problem=Problem(error.title, error.detail, []), status=error.status)


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
    comment: CommentForm | None = None,
    problem: Problem | None = None,
    status: int = 200,
) -> HttpResponse:
    context = detail_context(request, asked, now=database_now(), form=form, problem=problem)
    if comment is not None:
        context["comment_form"] = comment
    panel = bool(getattr(request, "htmx", False))
    template = "approvals/_request.html" if panel else "approvals/request.html"
    return render(request, template, {**context, "panel": panel}, status=status)
