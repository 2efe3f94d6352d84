"""The pages that change an agent's record: what it is, who answers for it; and throwing a draft away."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.models import Agent
from registry.selectors.agents import agent_for
from registry.selectors.charters import policy_of
from registry.selectors.ownership import ownerships_of
from registry.selectors.policies import effective_of, organisation_in_force, team_in_force
from registry.selectors.stop_targets import of_agent
from registry.selectors.stops import worst_now
from registry.services.ownership import change_people
from registry.services.profile import Profile, change_profile
from registry.services.register import discard_draft
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.effective_rows import policy_context
from registry.web.record_forms import EditForm, PeopleForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what a registered agent is; a draft is edited where it is registered."""
    person, agent = _managed(request, slug)
    if agent.state == "draft":
        return redirect("registry:register_step", slug=agent.slug, step="who")
    form = EditForm(request.POST if request.method == "POST" else None, agent=agent)
    context = {**agent_context(person, agent, "overview"), "form": form}
    if request.method != "POST":
        return render(request, "registry/agent_edit.html", context)
    status = 422
    if form.is_valid():
        try:
            changed = change_profile(
                actor=person,
                agent=agent,
                changes=form.changes,
                reason=form.cleaned_data["reason"],
                based_on=form.cleaned_data["based_on"],
            )
        except (InvalidInput, Conflict) as error:
            show_in(form, error)
            status = error.status
            if status == Conflict.status:
                # What was typed stays; the next attempt starts from what stands now, which is shown beside it.
                now = agent_for(person, agent.slug)
                typed = request.POST.copy()
                typed["based_on"] = Profile.of(now).digest
                form.data = typed
                context["stands_now"] = _differences(now, form)
        else:
            messages.success(request, f"{changed.name} is changed.")
            return redirect("registry:agent", slug=changed.slug)
    return render(request, "registry/agent_edit.html", context, status=status)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Who answers for the agent, who stands in, and who did before."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = agent_context(person, agent, "overview")
    form = PeopleForm(request.POST if request.method == "POST" else None, team=agent.owner_team, agent=agent)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                change_people(actor=person, agent=agent, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status
            else:
                messages.success(request, f"{form.cleaned_data['accountable_person'].name} answers for {agent.name}.")
                return redirect("registry:agent", slug=agent.slug)
    return render(
        request,
        "registry/agent_people.html",
        {**context, "form": form, "ownerships": list(ownerships_of(agent)[:100])},
        status=status,
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks, POST throws the draft away."""
    person, agent = _managed(request, slug)
    if agent.state != "draft":
        raise Conflict(f"{agent.name} is registered; it can be retired, not discarded. Nothing was changed.")
    if request.method == "POST":
        name = agent.name
        discard_draft(actor=person, agent=agent)
        messages.success(request, f"The draft of {name} is gone, and its name is free.")
        return redirect("registry:agents")
    return render(request, "registry/agent_discard.html", agent_context(person, agent, "overview"))


@signed_in
@require_safe
def sheet(request: HttpRequest, slug: str) -> HttpResponse:
    """The agent on one page of paper."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = {
        **agent_context(person, agent, "sheet"),
        # What counts over all levels: a sheet that names more than the agent may do would mislead who reads it.
        **policy_context(effective_of(agent), organisation_in_force(), team_in_force(agent.owner_team)),
        "tasks": sorted(policy_of(agent).tasks),
        "worst": worst_now(of_agent(agent)),
        "now": database_now(),
    }
    return render(request, "registry/agent_sheet.html", context)


def _managed(request: HttpRequest, slug: str) -> tuple[Person, Agent]:
    person = person_of(request)
    agent = agent_for(person, slug)
    if not agent_context(person, agent, "overview")["may_manage"]:
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} changes {agent.name}.")
    return person, agent


def _differences(agent: Agent, form: EditForm) -> list[tuple[str, str]]:
    """What the record says now where it is not what was typed: the field's words and its present value."""
    stands = []
    for name, value in Profile.of(agent).edited.items():
        field = form.fields[name]
        if form.cleaned_data.get(name) != value:
            stands.append((str(field.label or name.replace("_", " ").capitalize()), str(field.prepare_value(value))))
    return stands
