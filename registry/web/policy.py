"""Changing the policy of a registered agent: tighter is in force at once, wider is refused with what widens."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.compare import Change, Direction, describe
from registry.selectors.agents import agent_for, is_draft, may_manage
from registry.selectors.charters import policy_of, readable
from registry.services.policy import tighten_policy
from registry.web.agents import agent_context
from registry.web.asking import person_of
from registry.web.policy_forms import ScopeForm, TiersForm, tier_groups


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    person = person_of(request)
    agent = _managed(person, slug)
    if is_draft(agent):
        return redirect("registry:register_step", slug=agent.slug, step="scope")
    if request.method != "POST":
        document = policy_of(agent).to_document()
        scope, tiers = (
            ScopeForm(initial=ScopeForm.initial_of(document)),
            TiersForm(initial=TiersForm.initial_of(document)),
        )
        return _page(request, person, agent, scope, tiers)
    scope, tiers = ScopeForm(request.POST), TiersForm(request.POST)
    # Both are asked, so that every fault is shown at once.
    if not all([scope.is_valid(), tiers.is_valid()]):
        return _page(request, person, agent, scope, tiers, status=422)
    try:
        revision = tighten_policy(
            actor=person,
            agent=agent,
            document={"scope": scope.document(), **tiers.document()},
            based_on=_number(request.POST.get("based_on", "")),
        )
    except (InvalidInput, Conflict, NotAllowed) as error:
        return _page(request, person, agent, scope, tiers, status=error.status, refusal=error.detail)
    messages.success(request, f"Revision {revision.number} of the policy is in force.")
    return redirect("registry:agent_history", slug=agent.slug)


@signed_in
@require_POST
def difference(request: HttpRequest, slug: str) -> HttpResponse:
    """What would be different with what is typed now; nothing is saved."""
    agent = _managed(person_of(request), slug)
    scope, tiers = ScopeForm(request.POST), TiersForm(request.POST)
    return render(request, "registry/_difference.html", _difference(agent, scope, tiers))


def _managed(person: Person, slug: str) -> Agent:
    agent = agent_for(person, slug)
    if not may_manage(authority_of(person), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} changes its policy.")
    return agent


def _page(
    request: HttpRequest,
    person: Person,
    agent: Agent,
    scope: ScopeForm,
    tiers: TiersForm,
    *,
    status: int = 200,
    refusal: str = "",
) -> HttpResponse:
    number = agent.revision.number if agent.revision else 0
    context: dict[str, Any] = {
        **agent_context(person, agent, "policy"),
        "scope_form": scope,
        "tiers_form": tiers,
        "tier_groups": tier_groups(_typed(agent, scope, tiers) if tiers.is_bound else policy_of(agent), tiers),
        "number_fields": [tiers[name] for name in tiers.fields if not name.startswith("tier.")],
        # What the editor started from: kept through errors, so that a revision in between is noticed.
        "based_on": request.POST.get("based_on") or number,
        "number": number,
        "refusal": refusal,
        **(_difference(agent, scope, tiers) if scope.is_bound else {"changes": [], "wider": []}),
    }
    return render(request, "registry/policy_change.html", context, status=status)


def _difference(agent: Agent, scope: ScopeForm, tiers: TiersForm) -> dict[str, list[Change]]:
    changes = [
        one
        for one in describe(policy_of(agent), _typed(agent, scope, tiers))
        if one.direction is not Direction.UNCHANGED
    ]
    return {
        "changes": [one for one in changes if one.direction is Direction.TIGHTENED],
        "wider": [one for one in changes if one.direction is Direction.WIDENED],
    }


def _typed(agent: Agent, scope: ScopeForm, tiers: TiersForm) -> Any:
    return readable({"scope": scope.document(), **tiers.document()})


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
