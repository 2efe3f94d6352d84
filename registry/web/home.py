"""The registry's parts of the home page: the agents I answer for, and what is stopped."""

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.identity.selectors.people import teams_managed_by
from portal.web.access import signed_in
from registry.rules.kill import OrderState
from registry.selectors.agents import STOPPED, visible_agents
from registry.selectors.kills import stopped_agent_ids, visible_orders
from registry.web.asking import person_of

MOST = 20


@signed_in
@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    """The agents that the reader answers for or whose team the reader manages; nothing for who has none."""
    person = person_of(request)
    managed = teams_managed_by(person)
    mine = Q(accountable_person=person.pk) | Q(owner_team__in=managed.values("pk"))
    found = list(visible_agents(person).filter(mine).order_by("name")[: MOST + 1])
    if not found and not managed.exists():
        return HttpResponse()
    stopped = stopped_agent_ids(found)
    rows = [{"agent": agent, "state": STOPPED if agent.pk in stopped else agent.state} for agent in found[:MOST]]
    return render(request, "registry/home_agents.html", {"rows": rows, "more": len(found) > MOST})


@signed_in
@require_safe
def kills(request: HttpRequest) -> HttpResponse:
    orders = visible_orders(person_of(request)).filter(state=OrderState.ACTIVE.value).order_by("-number")[:MOST]
    return render(request, "registry/home_kills.html", {"orders": list(orders)})
