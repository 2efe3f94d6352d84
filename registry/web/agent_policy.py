"""The policy of one agent to read: what counts now and which level decided, its revisions, and any instant before."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.selectors.agents import agent_for
from registry.selectors.drift import sightings_of
from registry.selectors.policies import (
    Subject,
    as_of,
    effective_of,
    organisation_in_force,
    steps_of,
    team_in_force,
)
from registry.selectors.proposals import proposals_of
from registry.web.agents import agent_context
from registry.web.asking import person_of
from registry.web.effective_rows import policy_context

MOST_PROPOSALS = 50


@signed_in
@require_safe
def scope(request: HttpRequest, slug: str) -> HttpResponse:
    """What counts, entry by entry, with the level that decided it."""
    person = person_of(request)
    agent = agent_for(person, slug)
    organisation, team = organisation_in_force(), team_in_force(agent.owner_team)
    context = {
        **agent_context(person, agent, "scope"),
        **policy_context(effective_of(agent), organisation, team),
        "levels_above": organisation is not None or team is not None,
        "sightings": sightings_of(agent),
    }
    return render(request, "registry/agent_scope.html", context)


@signed_in
@require_safe
def history(request: HttpRequest, slug: str) -> HttpResponse:
    """Revisions and proposals; with ``?at=`` what the agent stood under at that instant."""
    person = person_of(request)
    agent = agent_for(person, slug)
    typed = request.GET.get("at", "").strip()
    instant = _instant(typed) if typed else None
    then = as_of(agent, instant) if instant is not None else None
    subject = Subject.of_agent(agent)
    context = {
        **agent_context(person, agent, "history"),
        "steps": steps_of(subject),
        "proposals": proposals_of(subject)[:MOST_PROPOSALS],
        "at": typed,
        "at_field": (instant or database_now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M"),
        "at_unread": bool(typed) and instant is None,
        "then": then,
        "ahead": instant is not None and instant > database_now(),
        "share_url": request.build_absolute_uri() if then is not None else "",
    }
    return render(request, "registry/agent_history.html", context, status=422 if context["at_unread"] else 200)


def _instant(text: str) -> datetime | None:
    """An instant as typed: ISO 8601; without an offset it is UTC, which the field says."""
    try:
        found = parse_datetime(text.replace(" ", "+") if "T" in text and " " in text else text)
    except ValueError:
        return None
    if found is None:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
