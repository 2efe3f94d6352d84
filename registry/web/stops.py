"""Ordering a stop: what it would do and how fast, then the click."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.errors import InvalidInput, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.kill import RESUME_QUORUM, ScopeKind
from registry.selectors.agents import SEES_ALL, agent_for, may_stop, team_for, visible_agents
from registry.selectors.kills import repositories_seen_by
from registry.selectors.stop_targets import (
    StopTarget,
    action_labels,
    agent_of_run,
    agents_in,
    everything,
    of_action,
    of_agent,
    of_repository,
    of_run,
    of_team,
)
from registry.selectors.stops import forecast
from registry.services.kill import WITH_CREDENTIALS, order_kill
from registry.web.asking import person_of, show_in
from registry.web.stop_forms import ActionForm, OrderForm, RepositoryForm

_SECURITY_ALONE = "Only people with the role security stop"
_OWNERS = "Only managers of the owner team and people with the role security stop"
_WHO_STOPS = {
    ScopeKind.ALL: f"{_SECURITY_ALONE} everything.",
    ScopeKind.TEAM: "Only the team's managers and people with the role security stop a team.",
    ScopeKind.AGENT: f"{_OWNERS} an agent.",
    ScopeKind.RUN: f"{_OWNERS} a run.",
    ScopeKind.ACTION: f"{_SECURITY_ALONE} an action type: it is every team's.",
    ScopeKind.REPOSITORY: f"{_SECURITY_ALONE} a repository: several teams' agents may work in it.",
}
METHODS = ["GET", "HEAD", "POST"]


@signed_in
@require_http_methods(METHODS)
def stop_agent(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_for(person_of(request), slug)
    return _stop(request, of_agent(agent), agent=agent)


@signed_in
@require_http_methods(METHODS)
def stop_team(request: HttpRequest, slug: str) -> HttpResponse:
    return _stop(request, of_team(team_for(person_of(request), slug)))


@signed_in
@require_http_methods(METHODS)
def stop_everything(request: HttpRequest) -> HttpResponse:
    return _stop(request, everything())


@signed_in
@require_http_methods(METHODS)
def stop_run(request: HttpRequest, run: UUID) -> HttpResponse:
    agent = agent_of_run(run)
    if agent is None:
        raise NotFound("There is no such run, or it is not yours to see.")
    agent = agent_for(person_of(request), agent.pk)
    return _stop(request, of_run(run, agent), agent=agent)


@signed_in
@require_http_methods(METHODS)
def stop_action(request: HttpRequest) -> HttpResponse:
    """``?key=``: the action type; without it, the choice of one."""
    labels = action_labels()
    if "key" in request.GET:
        form = ActionForm(request.GET, labels=labels)
        if form.is_valid():
            return _stop(request, of_action(form.cleaned_data["key"]))
        return _choose(request, form, what="an action type", status=422)
    return _choose(request, ActionForm(labels=labels), what="an action type")


@signed_in
@require_http_methods(METHODS)
def stop_repository(request: HttpRequest) -> HttpResponse:
    """``?name=``: the repository; without it, the choice of one."""
    person = person_of(request)
    if "name" not in request.GET:
        return _choose(request, RepositoryForm(), what="a repository")
    form = RepositoryForm(request.GET)
    if not form.is_valid():
        return _choose(request, form, what="a repository", status=422)
    target = of_repository(form.cleaned_data["name"])
    if not _sees_all(person) and not (agents_in(target) & visible_agents(person).order_by()).exists():
        raise NotFound("None of the agents that you may see works in this repository.")
    return _stop(request, target)


def _choose(request: HttpRequest, form: forms.Form, *, what: str, status: int = 200) -> HttpResponse:
    context = {"form": form, "what": what, "repositories": repositories_seen_by(person_of(request))}
    return render(request, "registry/stop_choose.html", context, status=status)


def _stop(request: HttpRequest, target: StopTarget, *, agent: Agent | None = None) -> HttpResponse:
    """GET is the first click and tells all; POST is the second and needs the reason."""
    person = person_of(request)
    with_credentials = target.kind in WITH_CREDENTIALS
    form, status = OrderForm(with_credentials=with_credentials), 200
    if request.method == "POST":
        form = OrderForm(request.POST, with_credentials=with_credentials)
        status = 422
        if form.is_valid():
            try:
                order = order_kill(actor=person, kind=target.kind, scope_id=target.scope_id, **form.cleaned_data)
            except InvalidInput as error:
                show_in(form, error)
            else:
                return redirect("registry:kill", number=order.number)
    context: dict[str, Any] = {
        "target": target,
        "kind": target.kind.value,
        "forecast": forecast(target, person=person),
        "names_point": _sees_all(person) or target.team_id is not None,
        "refusal": _refusal(person, target),
        "form": form,
        "quorum": RESUME_QUORUM,
        "agent": agent,
    }
    return render(request, "registry/stop.html", context, status=status)


def _refusal(person: Person, target: StopTarget) -> str:
    return "" if may_stop(authority_of(person), target.team_id) else _WHO_STOPS[target.kind]


def _sees_all(person: Person) -> bool:
    authority = authority_of(person)
    return any(authority.has(role) for role in SEES_ALL)
