"""The pages of drills: who is due, the drills there were, asking for one, and consenting to one."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import holders_of
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.models import DrillState
from registry.rules.drill import LIMIT_SECONDS
from registry.selectors.agents import agent_for, visible_agents, visible_teams
from registry.selectors.drills import (
    OPEN,
    canaries,
    drill_for,
    may_consent,
    may_create_canary,
    may_order,
    overdue,
    standing_of,
    visible_drills,
    waits_for_consent,
)
from registry.selectors.stop_targets import of_drill
from registry.selectors.stops import forecast
from registry.services.canary import create_canary
from registry.services.drill import cancel_drill, consent_to_drill, plan_drill
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in

METHODS = ["GET", "HEAD", "POST"]
MOST_OVERDUE = 50


class CanaryForm(forms.Form):
    """Who answers for the canary: a team, by one of its managers."""

    team = forms.ModelChoiceField(
        queryset=Team.objects.none(),
        label="Team",
        help_text="The first of its managers answers for the canary; it does nothing real.",
    )

    def __init__(self, *args: object, person: Person) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # what Django's own forms take
        self.fields["team"].queryset = visible_teams(person)  # type: ignore[attr-defined]  # of a ModelChoiceField


@signed_in
@require_safe
def drill_list(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    late = overdue(visible_agents(person))
    canary = canaries().first()
    context = {
        "page": page_by_cursor(visible_drills(person), order=("-number",), cursor=request.GET.get("cursor")),
        "overdue": late[:MOST_OVERDUE],
        "overdue_count": len(late),
        "canary": canary,
        "canary_standing": standing_of(canary) if canary else None,
        "may_start": canary is not None and may_order(person, canary),
        "may_create": canary is None and may_create_canary(person),
    }
    return render(request, "registry/drills.html", context)


@signed_in
@require_http_methods(METHODS)
def new_canary(request: HttpRequest) -> HttpResponse:
    """Make the canary: security chooses the team."""
    person = person_of(request)
    if not may_create_canary(person):
        raise NotAllowed("Only people with the role security make the canary. Nothing was made.")
    form, status = CanaryForm(person=person), 200
    if request.method == "POST":
        form = CanaryForm(request.POST, person=person)
        status = 422
        if form.is_valid():
            team = form.cleaned_data["team"]
            try:
                create_canary(actor=person, team=team, accountable_person=holders_of(Role.MANAGER, team).first())
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
            else:
                messages.success(request, "The canary is there. Its first drill starts within seconds.")
                return redirect("registry:drills")
    return render(request, "registry/drill_canary.html", {"form": form}, status=status)


@signed_in
@require_http_methods(METHODS)
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a drill: GET says what will happen, POST asks."""
    person = person_of(request)
    agent = agent_for(person, slug)
    if request.method == "POST":
        try:
            drill = plan_drill(actor=person, agent=agent)
        except Conflict as error:
            messages.warning(request, error.detail)
            return redirect("registry:drill_ask", slug=slug)
        return redirect("registry:drill", number=drill.number)
    context = {
        **agent_context(person, agent, "drill"),
        "may": may_order(person, agent),
        "open": agent.drills.filter(state__in=OPEN).first(),
        "forecast": forecast(of_drill(agent), person=person),
        "key": of_drill(agent).key,
        "limit": LIMIT_SECONDS,
        "standing": standing_of(agent),
    }
    return render(request, "registry/drill_ask.html", context)


@signed_in
@require_http_methods(METHODS)
def drill(request: HttpRequest, number: int) -> HttpResponse:
    """A drill: who asked and consented, promised against measured. POST cancels one that has not begun."""
    person = person_of(request)
    found = drill_for(person, number)
    if request.method == "POST":
        try:
            cancel_drill(actor=person, drill=found)
            messages.success(request, "The drill is cancelled.")
        except Conflict as error:
            messages.warning(request, error.detail)
        return redirect("registry:drill", number=number)
    template = "registry/_drill_progress.html" if request.headers.get("HX-Request") else "registry/drill.html"
    waiting = found.state == DrillState.WAITING.value
    context = {
        "drill": found,
        "agent": found.agent,
        "waits_for_consent": waits_for_consent(found),
        "may_consent": may_consent(person, found),
        "may_cancel": waiting and (may_order(person, found.agent) or may_consent(person, found)),
        "moving": found.state in OPEN and not waits_for_consent(found),
        "limit": LIMIT_SECONDS,
    }
    return render(request, template, context)


@signed_in
@require_http_methods(METHODS)
def consent(request: HttpRequest, number: int) -> HttpResponse:
    """What the drill will do to the agent and for how long; POST consents."""
    person = person_of(request)
    found = drill_for(person, number)
    if request.method == "POST":
        try:
            consent_to_drill(actor=person, drill=found)
            messages.success(request, "You have consented. The drill starts within seconds.")
        except Conflict as error:
            messages.warning(request, error.detail)
        return redirect("registry:drill", number=number)
    target = of_drill(found.agent)
    context = {
        "drill": found,
        "agent": found.agent,
        "waits": waits_for_consent(found),
        "may": may_consent(person, found),
        "forecast": forecast(target, person=person),
        "key": target.key,
        "limit": LIMIT_SECONDS,
    }
    return render(request, "registry/drill_consent.html", context)
