"""The page where a reviewer edits what was asked: first the difference, then one click that asks for exactly that."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from approvals.models import ApprovalRequest
from approvals.rules.edited import input_of
from approvals.rules.workflow import RequestState
from approvals.selectors.requests import request_for
from approvals.selectors.reviewing import capacities, reviews_of
from approvals.services.edit import Preview, edit, preview_edit, refuse_closed
from approvals.services.review import Shown
from approvals.web.decide import said_of_canary
from approvals.web.detail import Problem, shown
from approvals.web.document import read_view
from approvals.web.edit_form import EditForm
from approvals.web.stages import counted
from approvals.web.stamp import seconds_open
from portal.errors import InvalidInput, PortalError, Unprocessable
from portal.identity.models import Person
from portal.identity.proof import sign_in_methods
from portal.web.access import signed_in
from registry.web.asking import person_of

SEND = "send"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit_request(request: HttpRequest, number: int) -> HttpResponse:
    """The form; with ``step=preview`` the difference under it; with ``step=send`` the edited call is asked instead."""
    asked = request_for(person_of(request), number)
    tool_input = input_of(asked.arguments)
    if request.method != "POST":
        refuse_closed(asked, person_of(request))
        return _page(request, asked, EditForm(tool_input=tool_input, initial=shown(asked)))
    form = EditForm(request.POST, tool_input=tool_input)
    if not form.is_valid():
        return _page(request, asked, form, status=422)
    sends = request.POST.get("step") == SEND and form.cleaned_data["previewed"]
    return _send(request, asked, form) if sends else _preview(request, asked, form)


def _preview(request: HttpRequest, asked: ApprovalRequest, form: EditForm) -> HttpResponse:
    try:
        seen = preview_edit(actor=person_of(request), request=asked, tool_input=form.edited)
    except PortalError as error:
        return _refused(request, asked, form, error)
    return _page(request, asked, form, preview=seen)


def _send(request: HttpRequest, asked: ApprovalRequest, form: EditForm) -> HttpResponse:
    said = form.cleaned_data
    try:
        opened = edit(
            actor=person_of(request),
            request=asked,
            tool_input=form.edited,
            reason=said["reason"],
            view_hash=bytes.fromhex(said["view_hash"]),
            previewed=bytes.fromhex(said["previewed"]),
            sign_in=sign_in_methods(request),
            shown=Shown(seconds=seconds_open(said["shown_at"], [asked.number])),
        )
    except PortalError as error:
        return _refused(request, asked, form, error)
    messages.success(request, said_of_canary(opened) if opened.pk == asked.pk else _said(person_of(request), opened))
    return redirect("approvals:request", number=opened.number)


def _said(person: Person, opened: ApprovalRequest) -> str:
    """What was made and what follows; what became of the original stands on the page itself."""
    follows = "Read it below, then decide it." if capacities(opened, person) else "It is for others to decide."
    return f"{opened.label} asks for the call as you changed it. Nothing is approved yet. {follows}"


def _refused(request: HttpRequest, asked: ApprovalRequest, form: EditForm, error: PortalError) -> HttpResponse:
    """The form with what was typed; a fault at its field, anything else above it, with the difference as it is now."""
    if isinstance(error, InvalidInput) and any(fault["pointer"] == "/reason" for fault in error.errors):
        form.add_error("reason", f"It {error.errors[0]['detail']}.")
        return _page(request, asked, form, status=422, preview=_again(request, asked, form))
    status = 422 if isinstance(error, InvalidInput | Unprocessable) else error.status
    problem = Problem(error.title, error.detail, error.extra.get("difference", []))
    return _page(request, request_for(person_of(request), asked.number), form, status=status, problem=problem)


def _again(request: HttpRequest, asked: ApprovalRequest, form: EditForm) -> Preview | None:
    try:
        return preview_edit(actor=person_of(request), request=asked, tool_input=form.edited)
    except PortalError:
        return None


def _page(
    request: HttpRequest,
    asked: ApprovalRequest,
    form: EditForm,
    *,
    preview: Preview | None = None,
    problem: Problem | None = None,
    status: int = 200,
) -> HttpResponse:
    sealed = read_view(bytes(asked.view))
    context: dict[str, Any] = {
        "crumbs": [
            ("Approvals", reverse("approvals:inbox")),
            (asked.label, reverse("approvals:request", args=[asked.number])),
        ],
        "asked": asked,
        "label": sealed.label_of(asked.action),
        "sealed": sealed,
        "view": sealed.document,
        "form": form.for_page(),
        "preview": preview,
        "previewed": preview.digest.hex() if preview else "",
        "problem": problem,
        "reviews": len(counted(reviews_of(asked))),
        "open": asked.state == RequestState.PENDING.value,
    }
    return render(request, "approvals/edit.html", context, status=status)
