"""Changing the rulebook by form: a group, a rule, the numbers, or the whole as text. Each makes a proposal."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from approvals.rules.rulebook import Book
from approvals.selectors.rulebook import book_in_force
from approvals.selectors.rulebook_proposals import may_write, open_proposals, proposal_by
from approvals.services.rulebook import propose
from approvals.web.rulebook_forms import ChangeForm, GroupForm, NumbersForm, RuleForm, TextForm, show_faults
from portal.errors import InvalidInput, NotAllowed, NotFound, PortalError
from portal.web.access import signed_in
from registry.web.asking import person_of

FORM = "approvals/rules_form.html"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def group(request: HttpRequest, slug: str = "") -> HttpResponse:
    """A group of the book, or a new one."""
    book = _book(request)
    if slug and slug not in book.groups:
        raise NotFound("There is no such group.")
    form = GroupForm(book, request.POST if request.method == "POST" else None, slug=slug)
    heading = f"Change {book.groups[slug].name}" if slug else "New group"
    return _edit(request, form, FORM, heading=heading)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, key: str = "") -> HttpResponse:
    """A rule of the book, or a new one."""
    book = _book(request)
    found = next((one for one in book.rules if one.id == key), None)
    if key and found is None:
        raise NotFound("There is no such rule.")
    form = RuleForm(book, request.POST if request.method == "POST" else None, rule=found)
    heading = f"Change “{found.name}”" if found is not None else "New rule"
    return _edit(request, form, "approvals/rules_rule.html", heading=heading)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def numbers(request: HttpRequest) -> HttpResponse:
    """Weights, thresholds, proofs, reasons and the other numbers; the address may bring some that were tried."""
    form = NumbersForm(_book(request), request.POST if request.method == "POST" else None)
    for name, value in request.GET.dict().items():
        if name in form.fields and str(value).isdecimal():
            form.initial[name] = value
    return _edit(request, form, "approvals/rules_numbers.html", heading="Change risk, proofs and numbers")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def whole(request: HttpRequest) -> HttpResponse:
    """The whole rulebook as JSON; ``from`` begins with what somebody proposed before."""
    book = _book(request)
    document = book.to_document()
    start = request.GET.get("from", "")
    if start.isdecimal() and len(start) < 10:
        document = proposal_by(int(start)).document
    initial = {"document": json.dumps(document, indent=2, ensure_ascii=False)}
    form = TextForm(book, request.POST if request.method == "POST" else None, initial=initial)
    return _edit(request, form, FORM, heading="Change the rulebook as text")


def _book(request: HttpRequest) -> Book:
    if not may_write(person_of(request)):
        raise NotAllowed("Only somebody in security changes the rulebook. Nothing was changed.")
    return book_in_force().book


def _edit(request: HttpRequest, form: ChangeForm, template: str, *, heading: str) -> HttpResponse:
    """Show the form; posted, make a proposal of the book in force with this part changed."""
    if request.method != "POST":
        return _show(request, form, template, heading)
    if not form.is_valid():
        return _show(request, form, template, heading, status=422)
    document = form.changed(form.book.to_document())
    try:
        proposal = propose(
            actor=person_of(request),
            document=document,
            based_on=_number(request.POST.get("based_on", "")),
            reason=form.cleaned_data["reason"],
        )
    except InvalidInput as error:
        show_faults(form, error.errors or [{"pointer": "", "detail": error.detail}])
        return _show(request, form, template, heading, status=422)
    except PortalError as error:
        return _show(request, form, template, heading, status=error.status, problem=error)
    messages.success(request, f"{proposal.label} waits for a second person. Nothing has changed yet.")
    return redirect("approvals:rules_proposal", number=proposal.number)


def _show(
    request: HttpRequest,
    form: ChangeForm,
    template: str,
    heading: str,
    *,
    status: int = 200,
    problem: PortalError | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "heading": heading,
        # What is on the page now, also after a 409 that said what had changed meanwhile.
        "based_on": book_in_force().number,
        "open": list(open_proposals()[:5]),
        "problem": problem,
    }
    return render(request, template, context, status=status)


def _number(text: str) -> int:
    """The rulebook that was on the page; none that ever was where the form does not say."""
    return int(text) if text.isdecimal() and len(text) < 10 else -1
