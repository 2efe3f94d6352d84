"""Who decides, as pages: the rulebook in force, its past, what is proposed, and the second person's decision."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals.models import RulebookProposal
from approvals.rules.risk import EXPLAIN
from approvals.rules.rulebook import Book, ProposalState
from approvals.rules.rulebook_parts import GROUP
from approvals.rules.rulebook_words import FACTOR, PROOF, Names, asks, conditions
from approvals.selectors.rulebook import book_in_force, book_of
from approvals.selectors.rulebook_effects import ended_by, standing_requests
from approvals.selectors.rulebook_proposals import (
    agree_refusal,
    author_fault,
    base_of,
    changes_between,
    changes_of,
    deciders_of,
    may_write,
    names_in,
    open_proposals,
    proposal_by,
    proposals,
    refuse_refusal,
    revision_by,
    revisions,
    row_of,
    unfilled_in,
    written,
)
from approvals.services.rulebook import agree, refuse, withdraw
from portal.errors import InvalidInput, PortalError
from portal.identity.models import Person
from portal.identity.proof import recently_authenticated, sign_in_methods
from portal.identity.web.step_up import to_confirm
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.web.asking import person_of, show_in
from registry.web.forms import ReasonForm

MOST_OPEN_SHOWN = 20


@signed_in
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """What counts now, as tables."""
    person, ruled = person_of(request), book_in_force()
    revision = row_of(ruled)
    context = {
        **book_tables(ruled.book),
        "number": ruled.number,
        "revision": revision,
        "may_write": may_write(person),
        "open": list(open_proposals()[:MOST_OPEN_SHOWN]),
        "unfilled": unfilled_in(ruled.book),
    }
    return render(request, "approvals/rules.html", context)


@signed_in
@require_safe
def revision_list(request: HttpRequest) -> HttpResponse:
    """Every rulebook there was, newest first; with ``at`` the one that counted at an instant."""
    asked = request.GET.get("at", "").strip()
    at = _instant(asked)
    found = revisions().filter(at__lte=at).first() if at is not None else None
    page = page_by_cursor(revisions(), order=("-number",), cursor=request.GET.get("cursor"))
    context = {"page": page, "asked": asked, "at": at, "found": found, "wrong": bool(asked) and at is None}
    return render(request, "approvals/rules_revisions.html", context)


@signed_in
@require_safe
def revision(request: HttpRequest, number: int) -> HttpResponse:
    """One rulebook of the past, or the one in force, and what it changed."""
    found = revision_by(number)
    book = book_of(found.pk).book
    before = revisions().filter(number__lt=number).first()
    changes = changes_between(book_of(before.pk if before else None).book, book)
    context = {
        **book_tables(book),
        "revision": found,
        "changes": changes,
        "before": before,
        "in_force": book_in_force().pk == found.pk,
        "proposal": RulebookProposal.objects.filter(digest=found.digest, state=ProposalState.AGREED.value).last(),
    }
    return render(request, "approvals/rules_revision.html", context)


@signed_in
@require_safe
def proposal_list(request: HttpRequest) -> HttpResponse:
    """Every proposal, newest first."""
    page = page_by_cursor(proposals(), order=("-number",), cursor=request.GET.get("cursor"))
    return render(request, "approvals/rules_proposals.html", {"page": page})


@signed_in
@require_safe
def proposal(request: HttpRequest, number: int) -> HttpResponse:
    """What would be different, in words, and the two people. Opening it changes nothing."""
    return _page(request, proposal_by(number), ReasonForm())


@signed_in
@require_POST
def agree_to(request: HttpRequest, number: int) -> HttpResponse:
    """Put it in force; a fresh proof of who is there comes first."""
    found, person = proposal_by(number), person_of(request)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    if agree_refusal(person, found) is None and not recently_authenticated(request):
        return to_confirm(request)
    reason = form.cleaned_data["reason"]
    try:
        revised = agree(actor=person, proposal=found, reason=reason, sign_in=sign_in_methods(request))
    except PortalError as error:
        return _refused(request, number, form, error)
    messages.success(request, f"{found.label} is agreed to. Rulebook {revised.number} is in force.")
    return redirect("approvals:rules_proposal", number=number)


@signed_in
@require_POST
def refuse_it(request: HttpRequest, number: int) -> HttpResponse:
    """Say no, with a reason for whoever wrote it."""
    found = proposal_by(number)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    try:
        refuse(actor=person_of(request), proposal=found, reason=form.cleaned_data["reason"])
    except PortalError as error:
        return _refused(request, number, form, error)
    messages.success(request, f"{found.label} is refused. The rulebook stays as it is.")
    return redirect("approvals:rules_proposal", number=number)


@signed_in
@require_POST
def withdraw_it(request: HttpRequest, number: int) -> HttpResponse:
    """Whoever wrote it takes it back."""
    found = proposal_by(number)
    try:
        withdraw(actor=person_of(request), proposal=found)
    except PortalError as error:
        return _refused(request, number, ReasonForm(), error)
    messages.success(request, f"{found.label} is withdrawn. The rulebook stays as it is.")
    return redirect("approvals:rules_proposal", number=number)


def book_tables(book: Book) -> dict[str, Any]:
    """The rulebook as a page shows it: groups with their people, rules in words, and every number."""
    names = names_in(book)
    closed = _closed(book)
    groups = [
        {
            "slug": slug,
            "name": group.name,
            "members": [{"name": names.person(one), "closed": one in closed} for one in group.members],
            "rules": [
                rule.name for rule in book.rules if any(f"{GROUP}{slug}" in stage.groups for stage in rule.stages)
            ],
        }
        for slug, group in book.groups.items()
    ]
    return {"book": book, "groups": groups, "rules": _rules(book, names), **_numbers(book)}


def _rules(book: Book, names: Names) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "when": conditions(rule, names), "asks": asks(rule, book), "stages": rule.stages}
        for rule in book.rules
    ]


def _numbers(book: Book) -> dict[str, Any]:
    weights = [{"name": FACTOR[key], "weight": weight, "explain": EXPLAIN[key]} for key, weight in _heaviest(book)]
    bands = [
        ("low", f"below {book.risk.elevated}", book.reasons.low, None),
        ("elevated", f"{book.risk.elevated} to {book.risk.high - 1}", book.reasons.elevated, book.step_up.elevated),
        ("high", f"{book.risk.high} and more", book.reasons.high, book.step_up.high),
    ]
    return {
        "weights": weights,
        "bands": [
            {"band": band, "points": points, "reason": reason, "proof": PROOF[proof] if proof else PROOF_OF_LOW}
            for band, points, reason, proof in bands
        ],
        "irreversible": PROOF[book.step_up.irreversible],
    }


PROOF_OF_LOW = "nothing more than being signed in"


def _heaviest(book: Book) -> list[tuple[str, int]]:
    return sorted(book.risk.weights.items(), key=lambda one: (-one[1], one[0]))


def _closed(book: Book) -> set[Any]:
    members = {one for group in book.groups.values() for one in group.members}
    return set(Person.objects.filter(pk__in=members, is_active=False).values_list("pk", flat=True))


def _instant(text: str) -> datetime | None:
    """A date or a moment as typed, in UTC; the end of the day where no time is given."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text and " " not in text:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _refused(request: HttpRequest, number: int, form: ReasonForm, error: PortalError) -> HttpResponse:
    """The page as things stand now, with what was in the way and what was typed."""
    found = proposal_by(number)
    if isinstance(error, InvalidInput) and form.is_bound:
        show_in(form, error)
        return _page(request, found, form, status=422)
    return _page(request, found, form, status=error.status, problem=error)


def _page(
    request: HttpRequest,
    found: RulebookProposal,
    form: ReasonForm,
    *,
    status: int = 200,
    problem: PortalError | None = None,
) -> HttpResponse:
    person, base, book = person_of(request), base_of(found), written(found)
    is_open = found.state == ProposalState.OPEN.value
    changed_by = {person.human, found.written_by.human}
    ends = ended_by(standing_requests(), base.book, book, changed_by=changed_by) if is_open else []
    context: dict[str, Any] = {
        "proposal": found,
        "base": base,
        "changes": changes_of(found),
        "is_open": is_open,
        "ends": len(ends),
        "ends_approved": sum(one.request.state == "approved" for one in ends),
        "unfilled": unfilled_in(book) if is_open else [],
        "fault": author_fault(found) if is_open else None,
        "agree_refusal": agree_refusal(person, found),
        "refuse_refusal": refuse_refusal(person, found),
        "deciders": deciders_of(found) if is_open else [],
        "mine": found.written_by_id == person.pk,
        "step_up": not recently_authenticated(request),
        "form": form,
        "problem": problem,
    }
    return render(request, "approvals/rules_proposal.html", context, status=status)
