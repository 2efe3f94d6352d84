"""The list of agents and the pages of one agent that only show."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.models import Agent
from registry.rules.lifecycle import AgentState, Platform, verbs_in
from registry.selectors.agents import STOPPED, agent_for, find_agents, is_draft, may_manage, may_stop
from registry.selectors.charters import charter_of, charters_of, policy_of
from registry.selectors.findings import findings_about
from registry.selectors.kills import orders_over, stopped_agent_ids
from registry.selectors.stopfile import stop_file_fault, stop_key
from registry.selectors.transfers import open_transfer_of
from registry.web.asking import person_of
from registry.web.connect import (
    CLAUDE_CODE_LEAST,
    SHIM_PLACE,
    TIMEOUT_SECONDS,
    TOKEN_VARIABLE,
    claude_settings,
    shim_settings,
    shim_step,
    shim_variables,
    telemetry_variables,
    token_line,
)
from registry.web.forms import CRITICALITIES, PLATFORMS, POSITIONS, TRIGGERS, AgentFilters

ORDERS = {"name": ("name", "id"), "-name": ("-name", "-id")}


@signed_in
@require_safe
def agent_list(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    filters = AgentFilters(request.GET, person=person)
    search = filters.search
    order = ORDERS.get(request.GET.get("sort", ""), ORDERS["name"])
    page = page_by_cursor(find_agents(person, search), order=order, cursor=request.GET.get("cursor"))
    stopped = stopped_agent_ids(page.items)
    charters = charters_of(page.items)
    rows = [
        {"agent": agent, "charter": charters[agent.pk], "state": STOPPED if agent.pk in stopped else agent.state}
        for agent in page.items
    ]
    context = {
        "page": page,
        "sort": "name",
        "rows": rows,
        "filters": filters,
        "filtered": any(vars(search).values()),
        "may_register": authority_of(person).holds_anywhere(Role.MANAGER),
    }
    return render(request, "registry/agents.html", context)


def agent_context(person: Person, agent: Agent, tab: str) -> dict[str, Any]:
    """What every page of one agent needs: its standing, its charter, and what the reader may do."""
    authority = authority_of(person)
    orders = list(orders_over(agent))
    return {
        "agent": agent,
        "tab": tab,
        "orders": orders,
        # What is retired stays so, whatever stop was in force over it.
        "state": STOPPED if orders and agent.state != AgentState.RETIRED.value else agent.state,
        "charter": charter_of(agent),
        "may_manage": may_manage(authority, agent),
        "may_stop": may_stop(authority, agent.owner_team_id),
        "is_draft": is_draft(agent),
        "platform": PLATFORMS[Platform(agent.platform)],
    }


@signed_in
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    person = person_of(request)
    agent = agent_for(person, slug)
    words = {
        "trigger": _word(TRIGGERS, agent.trigger),
        "position": _word(POSITIONS, agent.human_position),
        "criticality": _word(CRITICALITIES, agent.criticality),
    }
    context = {
        **agent_context(person, agent, "overview"),
        **words,
        "found": findings_about(agent),
        "transfer": open_transfer_of(agent),
        "verbs": [verb.value for verb in verbs_in(AgentState(agent.state))],
        "composition": policy_of(agent).composition,
    }
    return render(request, "registry/agent_overview.html", context)


@signed_in
@require_safe
def activity(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_for(person_of(request), slug)
    return render(request, "registry/agent_activity.html", agent_context(person_of(request), agent, "activity"))


@signed_in
@require_safe
def connect(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_for(person_of(request), slug)
    if is_draft(agent):
        return redirect("registry:agent", slug=agent.slug)
    named = [name for name in policy_of(agent).scope.repositories if "*" not in name]
    chosen = request.GET.get("repository", "")
    repository = chosen if chosen in named else (named or ["owner/name"])[0]
    key = stop_key()
    context = {
        **agent_context(person_of(request), agent, "connect"),
        "repositories": named,
        "repository": repository,
        "is_claude": agent.platform == Platform.CLAUDE_CODE.value,
        "settings_text": claude_settings(base_url=settings.BAILIWICK_BASE_URL, repository=repository),
        "telemetry_text": telemetry_variables(base_url=settings.BAILIWICK_BASE_URL),
        "token_text": token_line(),
        "token_variable": TOKEN_VARIABLE,
        "stop_key": key,
        "stop_file_fault": stop_file_fault(),
        "shim_place": SHIM_PLACE,
        "shim_text": shim_settings(),
        "shim_variables_text": shim_variables(
            base_url=settings.BAILIWICK_BASE_URL,
            agent_id=str(agent.pk),
            team_id=str(agent.owner_team_id),
            repository=repository,
            stop_key=key,
        ),
        "step_text": shim_step(),
        "least_version": CLAUDE_CODE_LEAST,
        "timeout": TIMEOUT_SECONDS,
        "base_url": settings.BAILIWICK_BASE_URL,
    }
    return render(request, "registry/agent_connect.html", context)


def _word(words: dict[Any, str], value: str) -> str:
    return next((word for item, word in words.items() if item.value == value), value)
