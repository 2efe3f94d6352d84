"""*Try an action*: what the answer to a call would be, under an agent's policy, without asking or recording it."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals.rules.authorize import Question, Standing, authorize
from approvals.rules.classify import classify
from approvals.web.document import REVERSIBILITY
from approvals.web.forms import TryForm
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.actions import action_type
from registry.rules.lifecycle import AgentState
from registry.rules.policy import compile as compile_policy
from registry.selectors.agents import agent_for
from registry.selectors.charters import policy_of
from registry.selectors.kills import standing_of
from registry.web.asking import person_of

# Where the tried call is thought to happen: relative paths mean the working copy.
WORKING_COPY: Final = "/workspace"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def try_action(request: HttpRequest, slug: str) -> HttpResponse:
    """The form, and after a POST the answer under it. No check is recorded and no request opened."""
    agent = agent_for(person_of(request), slug)
    scope = policy_of(agent).scope
    first = next((name for name in scope.repositories if "*" not in name), "")
    form = TryForm(request.POST) if request.method == "POST" else TryForm(initial={"repository": first})
    context: dict[str, Any] = {"agent": agent, "form": form}
    status = 200
    if form.is_bound:
        valid = form.is_valid()
        context |= _answer(agent, form) if valid else {}
        status = 200 if valid else 422
    template = "approvals/_try_action.html" if getattr(request, "htmx", False) else "approvals/try_action.html"
    return render(request, template, context, status=status)


def _answer(agent: Agent, form: TryForm) -> dict[str, Any]:
    said = form.cleaned_data
    understood = classify(said["tool"], form.tool_input, cwd=WORKING_COPY)
    question = Question(
        actions=understood.actions,
        repository=said["repository"] or None,
        branch=said["branch"] or None,
        environment=said["environment"] or None,
        cwd=WORKING_COPY,
    )
    # Judged as if the agent were at work: the question is what the policy says, not whether it is stopped.
    standing = Standing(agent_state=AgentState.ACTIVE.value, credential_ok=True)
    decision = authorize(question, compile_policy(policy_of(agent)), standing)
    return {
        "decision": decision,
        "understood": understood,
        "deeds": [
            {
                "action": action,
                "kind": action_type(action.type),
                "back": REVERSIBILITY[action_type(action.type).reversibility],
            }
            for action in understood.actions
        ],
        "now": _now(agent),
    }


def _now(agent: Agent) -> str:
    """What stands in the way at present, whatever the policy says; empty when nothing does."""
    if standing_of(agent).stopped_by:
        return "It is stopped, so at present everything it asks is denied."
    if agent.state != AgentState.ACTIVE.value:
        return f"It is {agent.state}, so at present everything it asks is denied."
    return ""
