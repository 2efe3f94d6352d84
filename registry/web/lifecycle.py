"""The pages that suspend, reinstate and retire an agent: what it takes along first, then the act with a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.lifecycle import AgentState, AgentVerb, verbs_in
from registry.selectors.agents import agent_for
from registry.selectors.lifecycle import obstacles_to_reinstating, taken_along
from registry.services.lifecycle import reinstate_agent, retire_agent, suspend_agent
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.record_forms import ActReasonForm


@dataclass(frozen=True)
class Act:
    """One of the three acts: its words, and the service that does it."""

    verb: AgentVerb
    title: str
    button: str
    css: str
    done: str
    service: Callable[..., Agent]


ACTS = {
    "suspend": Act(AgentVerb.SUSPEND, "Suspend", "Suspend now", "button--danger", "is suspended", suspend_agent),
    "reinstate": Act(AgentVerb.REINSTATE, "Reinstate", "Reinstate", "button--primary", "works again", reinstate_agent),
    "retire": Act(AgentVerb.RETIRE, "Retire", "Retire for good", "button--danger", "is retired", retire_agent),
}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, slug: str, act: str) -> HttpResponse:
    """GET says what goes with it, POST does it: two clicks and a reason, with or without scripts."""
    chosen = ACTS.get(act)
    if chosen is None:
        raise NotFound("An agent has no such act.")
    person = person_of(request)
    agent = agent_for(person, slug)
    context = agent_context(person, agent, "overview")
    _refuse_unless_entitled(chosen, context, agent)
    if chosen.verb not in verbs_in(AgentState(agent.state)) or agent.state == AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is {agent.state}. Nothing was changed.")
    form = ActReasonForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                chosen.service(actor=person, agent=agent, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status
            else:
                messages.success(request, f"{agent.name} {chosen.done}.")
                return redirect("registry:agent", slug=agent.slug)
    return _page(request, chosen, person, agent, {**context, "form": form}, status=status)


def _page(
    request: HttpRequest, act: Act, person: Person, agent: Agent, context: dict[str, Any], *, status: int
) -> HttpResponse:
    obstacles = obstacles_to_reinstating(person, agent) if act.verb is AgentVerb.REINSTATE else []
    shown = {**context, "act": act, "verb": act.verb.value, "taken": taken_along(agent), "obstacles": obstacles}
    return render(request, "registry/agent_act.html", shown, status=status)


def _refuse_unless_entitled(act: Act, context: dict[str, Any], agent: Agent) -> None:
    if act.verb is AgentVerb.RETIRE and not context["may_manage"]:
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} retires {agent.name}.")
    if not context["may_stop"]:
        raise NotAllowed(f"Only managers of {agent.owner_team.name} and security do this to {agent.name}.")
