"""The kill switch's pages: what a stop would do, the stop, and how it ends."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.rules.kill import RESUME_QUORUM, OrderState, ScopeKind
from registry.selectors.agents import agent_for, may_stop, team_for, visible_teams
from registry.selectors.kills import may_resume, order_for, resume_refusal, team_of, visible_orders
from registry.selectors.stop_targets import StopTarget, everything, of_agent, of_team
from registry.selectors.stops import forecast
from registry.services.kill import agree_resume, order_kill
from registry.web.asking import person_of, show_in
from registry.web.forms import ReasonForm

_WHO_STOPS = {
    ScopeKind.ALL: "Only people with the role security stop everything.",
    ScopeKind.TEAM: "Only the team's managers and people with the role security stop a team.",
    ScopeKind.AGENT: "Only managers of the owner team and people with the role security stop an agent.",
}


@signed_in
@require_safe
def stop_list(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    page = page_by_cursor(visible_orders(person), order=("-number",), cursor=request.GET.get("cursor"))
    security = authority_of(person).has(Role.SECURITY)
    teams = visible_teams(person) if security else teams_managed_by(person)
    return render(request, "registry/stops.html", {"page": page, "may_stop_all": security, "teams": list(teams)})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def stop_agent(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_for(person_of(request), slug)
    return _stop(request, of_agent(agent), {"agent": agent})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def stop_team(request: HttpRequest, slug: str) -> HttpResponse:
    return _stop(request, of_team(team_for(person_of(request), slug)), {})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def stop_everything(request: HttpRequest) -> HttpResponse:
    return _stop(request, everything(), {})


def _stop(request: HttpRequest, target: StopTarget, extra: dict[str, Any]) -> HttpResponse:
    """GET is the first click and tells all; POST is the second and needs the reason."""
    person = person_of(request)
    form, status = ReasonForm(), 200
    if request.method == "POST":
        form = ReasonForm(request.POST)
        status = 422
        if form.is_valid():
            try:
                order = order_kill(actor=person, kind=target.kind, scope_id=target.scope_id, **form.cleaned_data)
            except InvalidInput as error:
                show_in(form, error)
            else:
                return redirect("registry:kill", number=order.number)
    context = {
        "target": target,
        "forecast": forecast(target, person=person),
        "refusal": _refusal(person, target),
        "form": form,
        "quorum": RESUME_QUORUM,
        **extra,
    }
    return render(request, "registry/stop.html", context, status=status)


def _refusal(person: Person, target: StopTarget) -> str:
    return "" if may_stop(authority_of(person), target.team_id) else _WHO_STOPS[target.kind]


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, number: int) -> HttpResponse:
    """A stop: who, when, why, who agreed to end it. POST agrees."""
    person = person_of(request)
    found = order_for(person, number)
    form, status = ReasonForm(), 200
    if request.method == "POST":
        form = ReasonForm(request.POST)
        status = 422
        if form.is_valid():
            try:
                found = agree_resume(actor=person, order=found, **form.cleaned_data)
            except InvalidInput as error:
                show_in(form, error)
            except Conflict as error:
                messages.warning(request, error.detail)
                return redirect("registry:kill", number=number)
            else:
                done = found.state == OrderState.RESUMED.value
                messages.success(
                    request, f"{found.label} is resumed." if done else "Your agreement is recorded. One more is needed."
                )
                return redirect("registry:kill", number=number)
    agreements = list(found.agreements.select_related("person").order_by("at"))
    context = {
        "order": found,
        "agreements": agreements,
        "missing": max(0, RESUME_QUORUM - len(agreements)),
        "quorum": RESUME_QUORUM,
        "active": found.state == OrderState.ACTIVE.value,
        "refusal": resume_refusal(person, found),
        "resumers": [
            one
            for one in may_resume(team_of(found), ordered_by=found.ordered_by_id)
            if one.pk not in {agreement.person_id for agreement in agreements}
        ],
        "form": form,
    }
    return render(request, "registry/kill.html", context, status=status)
