"""The tab "Use" of an agent: what it was granted beside what it needed, and taking away what it did not."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.recertification import Granted, without
from registry.selectors.agents import agent_for, is_draft, may_manage
from registry.selectors.recertification import warnings_about
from registry.selectors.usage import UseRow, row_of, use_of
from registry.services.policy import tighten_policy
from registry.web.agents import agent_context
from registry.web.asking import person_of


@signed_in
@require_safe
def use(request: HttpRequest, slug: str) -> HttpResponse:
    """Granted against used; what was never counted says so."""
    person = person_of(request)
    agent = agent_for(person, slug)
    if is_draft(agent):
        return redirect("registry:agent", slug=agent.slug)
    table = use_of(agent)
    only_unused = request.GET.get("show") == "unused"
    context = {
        **agent_context(person, agent, "use"),
        "table": table,
        "only_unused": only_unused,
        "entries": [row for row in table.entries if row.never_used or not only_unused],
        "actions": [row for row in table.actions if row.never_used or not only_unused],
        "reminders": warnings_about(agent, database_now().date()),
        "may_count": may_count(person, agent),
    }
    return render(request, "registry/agent_use.html", context)


def may_count(person: Person, agent: Agent) -> bool:
    authority = authority_of(person)
    return may_manage(authority, agent) or authority.has(Role.SECURITY)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """GET says what would be taken away; POST takes it, at once, since it only tightens."""
    person = person_of(request)
    agent = agent_for(person, slug)
    if not may_manage(authority_of(person), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} changes its policy.")
    asked = request.POST if request.method == "POST" else request.GET
    row = row_of(agent, Granted(asked.get("pointer", ""), asked.get("entry", "")))
    if row is None or agent.revision is None:
        raise NotFound("The policy in force does not grant this, so there is nothing to take away.")
    if request.method != "POST":
        return _confirm(request, person, agent, row)
    number = request.POST.get("based_on", "")
    try:
        revision = tighten_policy(
            actor=person,
            agent=agent,
            document=without(agent.revision.document, row.granted),
            based_on=int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else 0,
            reason=request.POST.get("reason", "").strip() or f"{row.granted.word} {row.label} is not needed.",
        )
    except (InvalidInput, Conflict, NotAllowed) as error:
        return _confirm(request, person, agent, row, refusal=error.detail, status=error.status)
    messages.success(request, f"{row.granted.word} {row.label} is taken away: revision {revision.number} is in force.")
    return redirect("registry:agent_use", slug=agent.slug)


def _confirm(
    request: HttpRequest, person: Person, agent: Agent, row: UseRow, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        **agent_context(person, agent, "use"),
        "row": row,
        "refusal": refusal,
        "reason": request.POST.get("reason", ""),
        "number": agent.revision.number if agent.revision is not None else 0,
    }
    return render(request, "registry/agent_use_remove.html", context, status=status)
