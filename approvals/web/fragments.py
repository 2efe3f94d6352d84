"""Small parts that other pages load: the badge, the home queue, an agent's requests, decisions by day, stop counts."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.models import ApprovalRequest
from approvals.selectors.decisions import decisions_by_day
from approvals.selectors.grants import open_grants
from approvals.selectors.requests import visible_requests, waiting_count, waiting_for
from approvals.web.inbox import draw, rows_for, slim
from portal.errors import InvalidInput
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.kill import KillError, parse_scope_key
from registry.selectors.agents import agent_for, visible_agents
from registry.selectors.transfers import transfer_for
from registry.web.asking import person_of

MOST_ON_HOME: Final = 5
MOST_OF_AGENT: Final = 20
MOST_AGENTS: Final = 200


@signed_in
@require_safe
def badge(request: HttpRequest) -> HttpResponse:
    """How many requests wait for the reader."""
    count = waiting_count(person_of(request), now=database_now())
    return render(request, "components/_badge.html", {"count": count})


@signed_in
@require_safe
def home_queue(request: HttpRequest) -> HttpResponse:
    """What waits for the reader, the least time left first, for the home page; nothing for who never decides."""
    person, now = person_of(request), database_now()
    rows = rows_for(list(slim(waiting_for(person, now=now))[:MOST_ON_HOME]), person, now=now, all_mine=True)
    if not rows and not _ever_decides(person):
        return HttpResponse()
    return render(
        request,
        "approvals/_home_queue.html",
        {
            "rows": list(draw(rows, now=now)),
            "count": waiting_count(person, now=now) if len(rows) == MOST_ON_HOME else len(rows),
        },
    )


def _ever_decides(person: Person) -> bool:
    authority = authority_of(person)
    return authority.holds_anywhere(Role.APPROVER) or authority.has(Role.SECURITY)


@signed_in
@require_safe
def agent_requests(request: HttpRequest, slug: str) -> HttpResponse:
    """The latest requests of one agent."""
    person, now = person_of(request), database_now()
    agent = agent_for(person, slug)
    latest = slim(visible_requests(person).filter(agent=agent)).order_by("-number")[:MOST_OF_AGENT]
    rows = list(draw(rows_for(list(latest), person, now=now), now=now))
    return render(request, "approvals/_agent_requests.html", {"agent": agent, "rows": rows})


@signed_in
@require_safe
def sparklines(request: HttpRequest) -> HttpResponse:
    """Decisions of the last 30 days of each agent in ``agents`` (ids, comma-separated) that the reader may see."""
    wanted = _ids(request.GET.get("agents", ""))
    agents = dict(visible_agents(person_of(request)).filter(pk__in=wanted).order_by().values_list("pk", "name"))
    days = decisions_by_day(list(agents), now=database_now())
    rows = [(key, name, days[key]) for key, name in agents.items()]
    return render(request, "approvals/_sparklines.html", {"rows": rows})


def _ids(text: str) -> list[UUID]:
    parts = [part for part in text.split(",") if part]
    if len(parts) > MOST_AGENTS:
        raise InvalidInput(f"At most {MOST_AGENTS} agents at once.")
    try:
        return [UUID(part) for part in parts]
    except ValueError as error:
        raise InvalidInput("“agents” must be ids, separated by commas.") from error


@signed_in
@require_safe
def stop_counts(request: HttpRequest) -> HttpResponse:
    """What a stop of ``key`` would end, of what the reader may see: pending requests and open grants."""
    key = request.GET.get("key", "")
    try:
        parse_scope_key(key)
    except KillError as error:
        raise InvalidInput("“key” must name what would be stopped.") from error
    agents = visible_agents(person_of(request)).order_by()
    now = database_now()
    # Each carries the keys of every scope that can stop it. Canaries count: who compares must not find them out.
    pending = visible_requests(person_of(request)).filter(
        kill_keys__contains=[key], state="pending", expires_at__gt=now
    )
    grants = open_grants(agents, now=now).filter(kill_keys__contains=[key])
    counts = {"pending": pending.order_by().count(), "grants": grants.count()}
    return render(request, "approvals/_stop_counts.html", counts)


@signed_in
@require_safe
def transfer_counts(request: HttpRequest, transfer_id: UUID) -> HttpResponse:
    """What an agent's change of hands would end, counted for both teams: pending requests and open grants."""
    agent = transfer_for(person_of(request), transfer_id).agent
    agents, now = Agent.objects.filter(pk=agent.pk), database_now()
    pending = ApprovalRequest.objects.filter(agent=agent, state="pending", expires_at__gt=now)
    counts = {"pending": pending.count(), "grants": open_grants(agents, now=now).count()}
    return render(request, "approvals/_stop_counts.html", counts)
