"""The part of a proposal's page that tells of its backtest, and the posts that start a backtest or a count of use."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from approvals.jobs.backtest import send
from approvals.jobs.count_use import send as send_count
from approvals.selectors.backtests import examples_of, standing_for
from approvals.services.backtest import may_run, run_again
from portal.errors import Conflict, NotAllowed
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.models import Agent
from registry.selectors.agents import agent_for, may_manage
from registry.selectors.proposals import proposal_for
from registry.web.asking import person_of

FEW: Final = 20
MOST_AGENTS: Final = 50
MOST: Final = 200


@signed_in
@require_safe
def backtest(request: HttpRequest, number: int) -> HttpResponse:
    """Progress while it runs, then what it found. A page of its own for who comes without scripts."""
    person = person_of(request)
    proposal = proposal_for(person, number)
    standing = standing_for(person, proposal, database_now())
    every = request.GET.get("examples") == "all"
    context = {
        "proposal": proposal,
        "standing": standing,
        "result": standing.result,
        "examples": examples_of(proposal, person, most=MOST if every else FEW),
        "every": every,
        **_by_agent(standing.result.get("agents", {})),
        "may_run": standing.open and not standing.under_way and may_run(person, proposal),
        "proposal_url": _proposal_url(number),
    }
    if not request.headers.get("HX-Request"):
        return render(request, "approvals/backtest.html", context)
    response = render(request, "approvals/_backtest.html", context)
    if request.GET.get("polled") and not standing.under_way:
        # The page around was drawn without this result, and its seal is another now.
        response["HX-Refresh"] = "true"
    return response


@signed_in
@require_POST
def run(request: HttpRequest, number: int) -> HttpResponse:
    """Run the backtest again."""
    person = person_of(request)
    proposal = proposal_for(person, number)
    try:
        run_again(actor=person, proposal=proposal)
    except Conflict as error:
        messages.warning(request, error.detail)
    else:
        send(proposal.pk)
        messages.success(request, "The backtest runs again.")
    return redirect(_proposal_url(number) or reverse("approvals:backtest", args=[number]))


@signed_in
@require_POST
def count_use(request: HttpRequest, slug: str) -> HttpResponse:
    """Have what an agent used counted now instead of tonight."""
    person = person_of(request)
    agent = agent_for(person, slug)
    authority = authority_of(person)
    if not (may_manage(authority, agent) or authority.has(Role.SECURITY)):
        raise NotAllowed(f"Managers of {agent.owner_team.name} and security have its use counted. Nothing was started.")
    try:
        send_count(agent.pk)
    except OperationalError:
        messages.error(request, "The queue cannot be reached. Nothing was started; it is counted every night anyway.")
    else:
        messages.success(request, "The recorded checks are being counted. Look again in a moment.")
    return redirect("registry:agent_use", slug=agent.slug)


def _by_agent(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The agents for which most would be different, by name, and how many more there are."""
    names = dict(Agent.objects.filter(slug__in=list(counts)).values_list("slug", "name"))
    order = sorted(counts, key=lambda slug: (-_different(counts[slug]), slug))
    rows = [{"name": names.get(slug, slug), "counts": counts[slug]} for slug in order[:MOST_AGENTS]]
    return {"agent_rows": rows, "more_agents": len(order) - len(rows)}


def _different(counts: Mapping[str, int]) -> int:
    return counts["allowed"] + counts["gated"] + counts["refused"]


def _proposal_url(number: int) -> str:
    try:
        return reverse("registry:proposal", args=[number])
    except NoReverseMatch:
        return ""
