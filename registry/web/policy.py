"""Changing the policy of a registered agent: tighter is in force at once, wider waits for a second person."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.web.access import signed_in
from registry.models import Agent
from registry.selectors.agents import agent_for, is_draft
from registry.selectors.charters import policy_of
from registry.selectors.policies import Subject
from registry.web.agents import agent_context
from registry.web.asking import person_of
from registry.web.policy_edit import Editing, edit, preview
from registry.web.policy_forms import PolicyForm
from registry.web.policy_lists import shown_fingerprint


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """The whole policy as a form; POST puts it in force, proposes it, or shows what is in the way."""
    agent = agent_for(person_of(request), slug)
    editing = _editing(request, agent)
    if is_draft(agent) and editing.context["may_manage"]:
        return redirect("registry:register_step", slug=agent.slug, step="scope")
    return edit(request, editing)


@signed_in
@require_POST
def difference(request: HttpRequest, slug: str) -> HttpResponse:
    """What would be different with what is typed now; nothing is saved."""
    return preview(request, _editing(request, agent_for(person_of(request), slug)))


def _editing(request: HttpRequest, agent: Agent) -> Editing:
    person = person_of(request)
    context = {
        **agent_context(person, agent, "policy"),
        "fingerprint": shown_fingerprint(policy_of(agent)),
    }
    return Editing(
        person=person,
        subject=Subject.of_agent(agent),
        form=PolicyForm,
        template="registry/policy_change.html",
        after=reverse("registry:agent_history", args=[agent.slug]),
        preview=reverse("registry:policy_difference", args=[agent.slug]),
        context=context,
    )
