"""The registry's parts of the home page: the agents I answer for, and what is stopped."""

from collections import Counter

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.identity.selectors.people import teams_managed_by
from portal.web.access import signed_in
from registry.rules.kill import OrderState
from registry.selectors.agents import STOPPED, visible_agents
from registry.selectors.findings import findings_for
from registry.selectors.kills import stopped_agent_ids, visible_orders
from registry.selectors.transfers import open_transfers_of
from registry.web.asking import person_of

MOST = 20


@signed_in
@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    """The agents that the reader answers for or whose team the reader manages; nothing for who has none."""
    person = person_of(request)
    managed = teams_managed_by(person)
    mine = Q(accountable_person=person.pk) | Q(deputy=person.pk) | Q(owner_team__in=managed.order_by().values("pk"))
    found = list(visible_agents(person).filter(mine).order_by("name")[: MOST + 1])
    transfers = list(open_transfers_of(person)[:MOST])
    if not found and not transfers and not managed.exists():
        return HttpResponse()
    stopped = stopped_agent_ids(found)
    noticed = Counter(one.agent.pk for one in findings_for(person) if one.agent)
    rows = [
        {"agent": agent, "state": STOPPED if agent.pk in stopped else agent.state, "found": noticed[agent.pk]}
        for agent in found[:MOST]
    ]
    context = {"rows": rows, "more": len(found) > MOST, "transfers": transfers}
    return render(request, "registry/home_agents.html", context)


@signed_in
@require_safe
def kills(request: HttpRequest) -> HttpResponse:
    orders = visible_orders(person_of(request)).filter(state=OrderState.ACTIVE.value).order_by("-number")[:MOST]
    return render(request, "registry/home_kills.html", {"orders": list(orders)})
