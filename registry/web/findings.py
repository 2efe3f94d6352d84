"""What needs attention: the list, one recorded finding, and closing it with a reason."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.rules.noticed import WORDS, NoticedKind
from registry.selectors.findings import finding_for, findings_for, findings_waiting_for, matching, visible_findings
from registry.services.findings import close_finding, close_refusal
from registry.web.asking import person_of, show_in
from registry.web.record_forms import ActReasonForm, FindingFilters

MOST_OPEN = 500
MOST_ON_HOME = 8


@signed_in
@require_safe
def finding_list(request: HttpRequest) -> HttpResponse:
    """Open: recorded ones and what the rows show now. Closed: the recorded ones, newest first."""
    person = person_of(request)
    filters = FindingFilters(request.GET, person=person)
    search = filters.search
    context = {"filters": filters, "filtered": any(vars(search).values()) or filters.closed}
    if not filters.closed:
        found = matching(findings_for(person), search)
        shown = {"found": found[:MOST_OPEN], "count": len(found), "most": MOST_OPEN}
        return render(request, "registry/findings.html", {**context, **shown})
    closed = visible_findings(person).filter(closed_at__isnull=False)
    if search.kind:
        closed = closed.filter(kind=search.kind)
    if search.team:
        closed = closed.filter(team__slug=search.team)
    if search.agent:
        closed = closed.filter(agent__slug=search.agent)
    page = page_by_cursor(closed, order=("-noticed_at", "-id"), cursor=request.GET.get("cursor"))
    rows = [{"finding": one, "word": WORDS[NoticedKind(one.kind)]} for one in page.items]
    return render(request, "registry/findings.html", {**context, "page": page, "rows": rows})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def finding(request: HttpRequest, finding_id: UUID) -> HttpResponse:
    """One recorded finding: what was noticed, when, and its end."""
    person = person_of(request)
    found = finding_for(person, finding_id)
    form = ActReasonForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                close_finding(actor=person, finding=found, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status
            else:
                messages.success(request, "The finding is closed.")
                return redirect("registry:findings")
    context = {
        "finding": found,
        "word": WORDS[NoticedKind(found.kind)],
        "refusal": close_refusal(person, found),
        "form": form,
    }
    return render(request, "registry/finding.html", context, status=status)


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What the reader should see to, for the home page; nothing when nothing is."""
    found = findings_waiting_for(person_of(request))
    if not found:
        return HttpResponse()
    context = {"found": found[:MOST_ON_HOME], "more": max(0, len(found) - MOST_ON_HOME)}
    return render(request, "registry/home_findings.html", context)
