"""Policies above the agents: the overview, the organisation's and a team's, each to read, to change, and its past."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from registry.models import ProposalState
from registry.rules.restriction import MEMBERS
from registry.selectors.agents import team_for, visible_agents, visible_teams
from registry.selectors.policies import (
    ORGANISATION,
    Subject,
    catalogue_in_force,
    levels_in_force,
    may_change,
    revision_in_force,
    steps_of,
    who_changes,
)
from registry.selectors.proposals import open_for, visible_proposals, waiting_for
from registry.web.asking import person_of
from registry.web.policy_edit import Editing, edit, preview
from registry.web.policy_forms import LevelForm, OrganisationForm, restriction_rows

MOST_STEPS = 50
_LEVEL_MEMBERS = frozenset(MEMBERS)


@signed_in
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What is in force above the agents, and what waits for a second person."""
    person = person_of(request)
    subjects = [ORGANISATION, *(Subject.of_team(team) for team in visible_teams(person))]
    in_force = levels_in_force(subjects)
    rows = [{"subject": one, "url": _address(one), "revision": in_force.get(one.key)} for one in subjects]
    open_ones = visible_proposals(person).filter(state=ProposalState.OPEN.value)
    mine = set(waiting_for(person).values_list("number", flat=True))
    context = {
        "rows": rows,
        "proposals": [{"proposal": one, "waits": one.number in mine} for one in open_ones[:MOST_STEPS]],
        "own_actions": len(catalogue_in_force().own),
    }
    return render(request, "registry/policies.html", context)


@signed_in
@require_safe
def organisation(request: HttpRequest) -> HttpResponse:
    return _show(request, ORGANISATION)


@signed_in
@require_safe
def team(request: HttpRequest, slug: str) -> HttpResponse:
    return _show(request, Subject.of_team(team_for(person_of(request), slug)))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_change(request: HttpRequest) -> HttpResponse:
    return edit(request, _editing(request, ORGANISATION))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def team_change(request: HttpRequest, slug: str) -> HttpResponse:
    return edit(request, _editing(request, Subject.of_team(team_for(person_of(request), slug))))


@signed_in
@require_POST
def organisation_difference(request: HttpRequest) -> HttpResponse:
    """What would be different with what is typed now; nothing is saved."""
    return preview(request, _editing(request, ORGANISATION))


@signed_in
@require_POST
def team_difference(request: HttpRequest, slug: str) -> HttpResponse:
    """What would be different with what is typed now; nothing is saved."""
    return preview(request, _editing(request, Subject.of_team(team_for(person_of(request), slug))))


def _show(request: HttpRequest, subject: Subject) -> HttpResponse:
    person = person_of(request)
    revision = revision_in_force(subject)
    agents = visible_agents(person)
    context: dict[str, Any] = {
        "subject": subject,
        "revision": revision,
        "rows": restriction_rows(revision.document if revision else {}, catalogue_in_force()),
        "steps": steps_of(subject, most=MOST_STEPS),
        "may_change": may_change(authority_of(person), subject),
        "who": who_changes(subject),
        "waiting": open_for(subject),
        "agents": agents.filter(owner_team=subject.team).count() if subject.team else agents.count(),
        "change_url": _address(subject, "_change"),
    }
    return render(request, "registry/policy_level.html", context)


def _editing(request: HttpRequest, subject: Subject) -> Editing:
    return Editing(
        person=person_of(request),
        subject=subject,
        form=LevelForm if subject.team is not None else OrganisationForm,
        template="registry/policy_level_change.html",
        after=_address(subject),
        preview=_address(subject, "_difference"),
        members=_LEVEL_MEMBERS,
    )


def _address(subject: Subject, act: str = "") -> str:
    if subject.team is not None:
        return reverse(f"registry:policy_team{act}", args=[subject.team.slug])
    return reverse(f"registry:policy_organisation{act}")
