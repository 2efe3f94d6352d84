"""Pages of audit packages: the list, asking for one with a preview, and one package from queue to download."""

from datetime import datetime
from typing import Any, cast

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from approvals.selectors.canaries import counts_between
from portal.errors import NotAllowed, PortalError
from portal.identity.selectors.people import authority_of
from portal.identity.web.access import me
from portal.identity.web.step_up import recently_authenticated, to_confirm, to_confirm_before
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from reports.models import Package
from reports.rules.completeness import assess
from reports.rules.estimate import expected
from reports.rules.package import PackageScope, PackageState
from reports.selectors.completeness import CHECK, OPENED, preview_evidence
from reports.selectors.evidence import counts_by_type, scope_of
from reports.selectors.packages import (
    downloads_of,
    may_request,
    may_request_any,
    package_for,
    scope_label,
    visible_packages,
)
from reports.services.package import cancel, request_package, take
from reports.web.package_form import PackageForm, Wanted

MOST_ON_HOME = 3
# In the order in which a reader asks: for one, and for every other number.
FIGURES = {
    "events": ("run event", "run events"),
    "checks": ("check", "checks"),
    "gated": ("sent for review", "sent for review"),
    "denied": ("denied", "denied"),
    "stops": ("stop order", "stop orders"),
}
UNDER_WAY = {PackageState.QUEUED.value, PackageState.BUILDING.value}


@signed_in
@require_GET
def packages(request: HttpRequest) -> HttpResponse:
    """The packages one may see, newest first."""
    person = me(request)
    page = page_by_cursor(
        visible_packages(person), order=("-requested_at", "-id"), cursor=request.GET.get("cursor") or None
    )
    rows = [(package, scope_label(package)) for package in page.items]
    context = {"page": page, "rows": rows, "may_request": may_request_any(authority_of(person))}
    return render(request, "reports/packages.html", context)


@signed_in
@require_GET
def home_packages(request: HttpRequest) -> HttpResponse:
    """A fragment for the home page: the latest packages; nothing for who may neither see nor ask for one."""
    person = me(request)
    may = may_request_any(authority_of(person))
    rows = list(visible_packages(person).order_by("-requested_at", "-id")[:MOST_ON_HOME])
    if not rows and not may:
        return HttpResponse()
    context = {"rows": [(package, scope_label(package)) for package in rows], "may_request": may}
    return render(request, "reports/home_packages.html", context)


@signed_in
def package_new(request: HttpRequest) -> HttpResponse:
    """Choose period and scope; with choices in the address, what the package would hold and not prove."""
    person = me(request)
    if not may_request_any(authority_of(person)):
        raise NotAllowed("Auditors and security ask for packages, and managers for those of their teams.")
    now = database_now()
    if request.method == "POST":
        form = PackageForm(request.POST, person=person, now=now)
        if form.is_valid():
            if not recently_authenticated(request):
                return to_confirm(request)
            wanted = form.wanted()
            try:
                package = request_package(actor=person, key=form.cleaned_data["key"], **_arguments(wanted))
            except PortalError as refused:
                form.add_error(None, refused.detail)
            else:
                return redirect("reports:package", number=package.number)
        return render(request, "reports/package_new.html", {"form": form}, status=422)
    form = PackageForm(request.GET if "scope" in request.GET else None, person=person, now=now)
    preview = _preview(form.wanted(), now) if form.is_bound and form.is_valid() else None
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "reports/package_preview.html", {"form": form, "preview": preview})
    return render(request, "reports/package_new.html", {"form": form, "preview": preview})


@signed_in
@require_GET
def package(request: HttpRequest, number: int) -> HttpResponse:
    """One package: how far it is, or what it holds and how to check it."""
    return render(request, "reports/package.html", _package_context(request, package_for(me(request), number)))


@signed_in
@require_GET
def package_progress(request: HttpRequest, number: int) -> HttpResponse:
    """The part that is polled while the package is under way; when it is not, the page is loaded anew."""
    found = package_for(me(request), number)
    response = render(request, "reports/package_progress.html", {"package": found})
    if found.state not in UNDER_WAY:
        response["HX-Refresh"] = "true"
    return response


@signed_in
@require_POST
def package_cancel(request: HttpRequest, number: int) -> HttpResponseRedirect:
    cancel(actor=me(request), package=package_for(me(request), number))
    return redirect("reports:package", number=number)


@signed_in
@require_POST
def package_again(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the same evidence once more, under a new number."""
    found = package_for(me(request), number)
    if not recently_authenticated(request):
        return to_confirm(request)
    fresh = request_package(
        actor=me(request),
        scope=PackageScope(found.scope),
        team=found.team,
        agent=found.agent,
        start=found.period_start,
        end=found.period_end,
        title=found.title,
    )
    return redirect("reports:package", number=fresh.number)


@signed_in
@require_POST
def package_download(request: HttpRequest, number: int) -> HttpResponse:
    """Send the file, once it is on record who takes it. A POST: following a link must record nothing."""
    found = package_for(me(request), number)
    if not recently_authenticated(request):
        return to_confirm_before(request, reverse("reports:package", args=[number]))
    file = take(actor=me(request), package=found)
    # The name is made from the number alone: no text of anyone's reaches the header.
    response = FileResponse(file, as_attachment=True, filename=f"{found.label}.zip", content_type="application/zip")
    response["Cache-Control"] = "no-store"
    return cast("HttpResponse", response)  # a stream, which the decorators' type does not know


def _arguments(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in ("scope", "team", "agent", "start", "end", "title")}


def _preview(wanted: Wanted, now: datetime) -> dict[str, Any]:
    scope = scope_of(wanted.scope, team_id=wanted.team.pk if wanted.team else None, agent=wanted.agent)
    end = wanted.end or now
    counts = counts_by_type(scope, wanted.start, end)
    planted, given = counts_between(scope.agents, wanted.start, end)
    entries, gated = sum(counts.values()), max(0, counts.get(OPENED, 0) - planted)
    decided = max(0, counts.get("approvals.review.given", 0) - given)
    return {
        "figures": [
            _figure(entries, "entry", "entries"),
            _figure(len(scope.agents), "agent", "agents"),
            _figure(counts.get(CHECK, 0), "check", "checks"),
            _figure(gated, "gated action", "gated actions"),
            _figure(decided, "decision by a person", "decisions by people"),
        ],
        "expected": expected(entries=entries, gated=gated),
        "assessment": assess(preview_evidence(scope, wanted.start, end, now=now, counts=counts)),
        "start": wanted.start,
        "end": end,
    }


def _figure(count: int, one: str, many: str) -> tuple[str, str]:
    return (one if count == 1 else many, f"{count:,}")


def _package_context(request: HttpRequest, found: Package) -> dict[str, Any]:
    summary = found.summary or {}
    figures = summary.get("figures", {})
    owner = found.team_id or (found.agent.owner_team_id if found.agent else None)
    return {
        "package": found,
        "step_up": not recently_authenticated(request),
        "scope_label": scope_label(found),
        "under_way": found.state in UNDER_WAY,
        "findings": summary.get("findings", []),
        "figures": [_figure(figures[key], *words) for key, words in FIGURES.items() if key in figures],
        "outcomes": sorted(summary.get("outcomes", {}).items()),
        "files": sorted(summary.get("files", {}).items()),
        "summary": summary,
        "downloads": downloads_of(found)[:100],
        "may_request": may_request(authority_of(me(request)), scope=PackageScope(found.scope), team_id=owner),
    }
