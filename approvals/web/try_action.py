"""*Try an action*: what the answer to a call would be, under a policy in force or being typed; nothing is recorded."""

import json
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from approvals.rules.trying import Around, Tried, try_action, try_call
from approvals.web.document import REVERSIBILITY, Because
from approvals.web.forms import PICKED, TryForm
from portal.errors import InvalidInput, NotFound
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.effective import Effective, compile_effective
from registry.rules.lifecycle import AgentState
from registry.rules.policy import Policy, PolicyError
from registry.selectors.agents import agent_for
from registry.selectors.charters import readable
from registry.selectors.kills import standing_of
from registry.selectors.policies import catalogue_in_force, effective_of, organisation_in_force, team_in_force
from registry.web.asking import person_of
from registry.web.policy_forms import PolicyForm, ScopeForm, TiersForm

# The pages on which a policy is typed, by the part of it that their form holds.
PARTS: Final = ("scope", "tiers", "policy")
PREFIX: Final = "try"  # keeps the fields of the trying apart from those of the policy form
TYPED: Final = "typed-document"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def try_in_force(request: HttpRequest, slug: str) -> HttpResponse:
    """The form, and after a POST the answer under it. No check is recorded and no request opened."""
    agent = agent_for(person_of(request), slug)
    asked = request.POST if request.method == "POST" else None
    context = {"agent": agent, "try_url": reverse("approvals:try_action", args=[agent.slug]), "now": _now(agent)}
    return _page(request, effective_of(agent), context, asked)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def try_typed(request: HttpRequest, slug: str, part: str) -> HttpResponse:
    """The same under the policy as it is typed at this moment, with the organisation's and the team's above it.

    With htmx the fields of the policy form come along; without, its button leads here with them, and what was
    typed then travels as one document.
    """
    if part not in PARTS:
        raise NotFound("There is no such part of a policy.")
    agent = agent_for(person_of(request), slug)
    document = _typed(request, agent, part) if request.method == "POST" else None
    effective, left_out = _as_typed(agent, document)
    context: dict[str, Any] = {
        "agent": agent,
        "try_url": reverse("approvals:try_typed", args=[agent.slug, part]),
        "typed_name": TYPED,
        "typed": "" if document is None else json.dumps(document),
        "left_out": left_out,
        "part": part,
    }
    asked = request.POST if f"{PREFIX}-tool" in request.POST else None
    return _page(request, effective, context, asked, prefix=PREFIX)


def _page(
    request: HttpRequest, effective: Effective, context: dict[str, Any], asked: Any, *, prefix: str | None = None
) -> HttpResponse:
    first = next((name for name in effective.policy.scope.repositories if not set(name) & set("*?#")), "")
    form = TryForm(asked, initial={"repository": first}, prefix=prefix, effective=effective)
    status = 200
    if form.is_bound:
        if form.is_valid():
            context |= _answer(effective, form)
        else:
            status = 422
    htmx = bool(getattr(request, "htmx", False))
    template = "approvals/_try_action.html" if htmx else "approvals/try_action.html"
    return render(request, template, {**context, "form": form, "htmx": htmx}, status=status)


def _typed(request: HttpRequest, agent: Agent, part: str) -> dict[str, Any]:
    """The document as it is typed: sent whole, or in the fields of the form that is open."""
    sent = request.POST.get(TYPED, "")
    if sent:
        try:
            document = json.loads(sent)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise InvalidInput("The typed policy cannot be read. Go back and try again; nothing was changed.")
        return document
    if part == "scope":
        return {**agent.draft, "scope": ScopeForm(request.POST).document()}
    catalogue = catalogue_in_force()
    if part == "tiers":
        return {**agent.draft, **TiersForm(request.POST, catalogue=catalogue).document()}
    return PolicyForm(request.POST, catalogue=catalogue).document()


def _as_typed(agent: Agent, document: dict[str, Any] | None) -> tuple[Effective, int]:
    """What would count with the typed document, and how many of its entries cannot be read."""
    if document is None:
        return effective_of(agent), 0
    left_out = 0
    try:
        policy = Policy.stored(document)
    except PolicyError as error:
        policy, left_out = readable(document), len(error.errors)
    organisation, team = organisation_in_force(), team_in_force(agent.owner_team)
    return compile_effective(policy, organisation=organisation, team=team), left_out


def _answer(effective: Effective, form: TryForm) -> dict[str, Any]:
    tried = _tried(effective, form)
    catalogue = effective.catalogue
    return {
        "decision": tried.decision,
        "rules": [Because.of(rule) for rule in tried.decision.rules],
        "observed": [Because.of(rule) for rule in tried.decision.observed],
        "understood": tried.understood,
        "deeds": [
            {
                "action": action,
                "kind": catalogue.action_type(action.type),
                "back": REVERSIBILITY[catalogue.action_type(action.type).reversibility],
            }
            for action in tried.understood.actions
        ],
    }


def _tried(effective: Effective, form: TryForm) -> Tried:
    said = form.cleaned_data
    names = ("task", "repository", "branch", "environment")
    around = Around(**{name: said.get(name) or None for name in names})
    if said["tool"] != PICKED:
        tool, given = form.call
        return try_call(effective, tool, given, around)
    target = said["path"].strip()
    network = said["action"].startswith("network.")
    return try_action(
        effective, said["action"], around, path="" if network else target, host=target or None if network else None
    )


def _now(agent: Agent) -> str:
    """What stands in the way at present, whatever the policy says; empty when nothing does."""
    if standing_of(agent).stopped_by:
        return "It is stopped, so at present everything it asks is denied."
    if agent.state != AgentState.ACTIVE.value:
        return f"It is {agent.state}, so at present everything it asks is denied."
    return ""
