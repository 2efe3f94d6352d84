"""Registering an agent in four steps and a review; each step keeps what was typed before it complains."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.lifecycle import Criticality, HumanPosition, Platform, Trigger
from registry.rules.policy import template
from registry.selectors.agents import agent_for, is_draft, may_manage
from registry.selectors.charters import charter_of, readable
from registry.selectors.policies import catalogue_in_force, effective_of, organisation_in_force, team_in_force
from registry.services.register import Profile, draft_digest, register_agent, save_draft, start_draft
from registry.web.asking import person_of, show_in
from registry.web.effective_rows import policy_context
from registry.web.forms import CRITICALITIES, PLATFORMS, POSITIONS, TRIGGERS, FirstForm, OwnerForm, WhoForm
from registry.web.policy_forms import ScopeForm, TiersForm, faults_of, tier_groups

STEPS = ("who", "owner", "scope", "tiers")
LABELS = {
    "who": "Who it is",
    "owner": "Owner",
    "scope": "Scope",
    "tiers": "Tiers and approval",
    "review": "Review and register",
}
AFTER = dict(zip(STEPS, (*STEPS[1:], "review"), strict=True))
_KEPT = "Kept as a draft."
# Which step mends a fault that the review found, by the first word of its pointer.
_MENDED_IN = {"purpose": "who", "accountable_person": "owner", "deputy": "owner"}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """Step 1 of an agent that does not exist yet; the draft is made when this step is saved."""
    person = person_of(request)
    if not authority_of(person).holds_anywhere(Role.MANAGER):
        raise NotAllowed("Only a team's manager registers its agents.")
    like = _like(person, request)
    if request.method != "POST":
        initial = WhoForm.initial_of(None)
        if like is not None:
            initial = {**WhoForm.initial_of(like), "name": "", "team": like.owner_team.slug}
        form = FirstForm(person=person, initial=initial)
        return _show(request, form, "who", _blank(person, like), like=like)
    form = FirstForm(request.POST, person=person)
    if form.is_valid():
        facts = dict(form.cleaned_data)
        team = facts.pop("team")
        try:
            agent = start_draft(actor=person, team=team, **_taken_over(like, team, facts))
        except (InvalidInput, Conflict) as error:
            show_in(form, error)
        else:
            return redirect("registry:register_step", slug=agent.slug, step="owner")
    return _show(request, form, "who", _typed_who(_blank(person, like), request), status=422, like=like)


def _like(person: Person, request: HttpRequest) -> Agent | None:
    """The agent that the new one starts from, when the address names one that the person may see."""
    slug = request.GET.get("like", "")
    if slug and slug != slugify(slug):
        raise NotFound("There is no such agent, or it is not yours to see.")
    return agent_for(person, slug) if slug else None


def _taken_over(like: Agent | None, team: Team, facts: dict[str, Any]) -> dict[str, Any]:
    """The draft's profile and policy: of the agent it starts from, what was not asked for in step 1."""
    if like is None:
        return {"profile": Profile(**facts)}
    people: dict[str, Any] = {}
    if like.owner_team_id == team.pk:
        people = {"accountable_person": like.accountable_person, "deputy": like.deputy}
    document = like.draft if like.revision is None else like.revision.document
    return {"profile": Profile(**facts, **people), "policy": document}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, slug: str, step: str) -> HttpResponse:
    """One step of a draft. POST saves even what is not valid yet, as far as it can be stored."""
    person = person_of(request)
    agent = _draft(person, slug)
    if not is_draft(agent):
        return _registered(request, agent)
    if request.method != "POST":
        return _show(request, _form(step, agent, person), step, agent, seen=draft_digest(agent))
    form = _form(step, agent, person, request)
    valid = form.is_valid()
    try:
        if isinstance(form, (ScopeForm, TiersForm)):
            agent = save_draft(actor=person, agent=agent, policy=_merged(agent, form))
        elif valid:
            agent = _save(person, agent, form)
    except (InvalidInput, Conflict) as error:
        show_in(form, error)
        valid = False
    if not valid:
        seen = draft_digest(agent)
        return _show(request, form, step, _overlaid(agent, form, request), status=422, seen=seen)
    if "leave" in request.POST:
        messages.success(request, f"The draft of {agent.name} is saved.")
        return redirect("registry:agents")
    return redirect(_address(agent, AFTER[step]))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything on one page, what is missing with the step that mends it, and the act itself."""
    person = person_of(request)
    agent = _draft(person, slug)
    if not is_draft(agent):
        return _registered(request, agent)
    missing: list[dict[str, str]] = []
    status, refused = 200, ""
    if request.method == "POST":
        try:
            register_agent(actor=person, agent=agent)
        except InvalidInput as error:
            status = 422
            missing = [_mend(agent, fault) for fault in error.errors]
        except Conflict as error:
            status, refused = error.status, error.detail
        else:
            messages.success(request, f"{agent.name} is registered. Issue a credential to let it work.")
            return redirect("registry:agent", slug=agent.slug)
    context = {
        "agent": agent,
        "charter": charter_of(agent),
        "steps": _steps("review", agent),
        "missing": missing,
        "refused": refused,
        "platform": PLATFORMS[Platform(agent.platform)],
        "trigger": TRIGGERS[Trigger(agent.trigger)],
        "position": POSITIONS[HumanPosition(agent.human_position)],
        "criticality": CRITICALITIES[Criticality(agent.criticality)],
        **policy_context(effective_of(agent), organisation_in_force(), team_in_force(agent.owner_team)),
        "draft_faults": faults_of(agent.draft, catalogue=catalogue_in_force()),
    }
    return render(request, "registry/register_review.html", context, status=status)


@signed_in
@require_POST
def first_charter(request: HttpRequest) -> HttpResponse:
    """The charter of what is typed in step 1 of a new agent; nothing is saved."""
    person = person_of(request)
    if not authority_of(person).holds_anywhere(Role.MANAGER):
        raise NotAllowed("Only a team's manager registers its agents.")
    return _charter(request, _typed_who(_blank(person, _like(person, request)), request))


@signed_in
@require_POST
def live_charter(request: HttpRequest, slug: str, step: str) -> HttpResponse:
    """The charter as it would be with what is typed now, which is kept in the draft as it is typed.

    Its name and its team wait until the step is saved: one is the draft's address, the other says who sees it.
    """
    person = person_of(request)
    agent = _draft(person, slug)
    form = _form(step, agent, person, request)
    form.is_valid()
    said, seen = "", ""
    if is_draft(agent):
        try:
            agent, said = _kept(person, agent, form, request.POST.get("draft"))
            seen = draft_digest(agent)
        except (InvalidInput, Conflict) as error:
            # The page goes on comparing with what it was made from: what came in between is not written over.
            said, seen = f"Not kept by itself: {error.detail}", request.POST.get("draft", "")
    return _charter(request, _overlaid(agent, form, request), said, seen)


def _charter(request: HttpRequest, agent: Agent, said: str = "", seen: str = "") -> HttpResponse:
    context = {"charter": charter_of(agent), "said": said, "seen": seen}
    return render(request, "registry/_charter.html", context)


def _kept(person: Person, agent: Agent, form: forms.Form, seen: str | None) -> tuple[Agent, str]:
    """The draft with what is typed, and what to say about it: nothing, when nothing differs."""
    if isinstance(form, (ScopeForm, TiersForm)):
        served = type(form)(form.initial, catalogue=form.catalogue)
        if form.document() == served.document():
            return agent, ""
        return save_draft(actor=person, agent=agent, policy=_merged(agent, form), seen=seen), _KEPT
    if not form.is_valid():
        return agent, ""
    now = Profile.of(agent)
    if isinstance(form, OwnerForm):
        typed = replace(now, accountable_person=form.accountable_person, deputy=form.deputy)
        waits = form.team.pk != agent.owner_team_id
    else:
        typed = replace(now, **{**form.cleaned_data, "name": now.name})
        waits = False
    if waits or typed == now:
        return agent, ""
    return save_draft(actor=person, agent=agent, profile=typed, seen=seen), _KEPT


def _draft(person: Person, slug: str) -> Agent:
    agent = agent_for(person, slug)
    if not may_manage(authority_of(person), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} registers its agents.")
    return agent


def _registered(request: HttpRequest, agent: Agent) -> HttpResponse:
    if request.method == "POST":
        raise Conflict(f"{agent.name} is registered already.", not_done="Nothing was changed.")
    return redirect("registry:agent", slug=agent.slug)


def _form(step: str, agent: Agent, person: Person, request: HttpRequest | None = None) -> forms.Form:
    data = None if request is None else request.POST
    match step:
        case "who":
            return WhoForm(data, initial=WhoForm.initial_of(agent))
        case "owner":
            return OwnerForm(data, person=person, agent=agent)
        case "scope":
            return ScopeForm(data, initial=ScopeForm.initial_of(agent.draft))
        case "tiers":
            known = catalogue_in_force()
            return TiersForm(data, initial=TiersForm.initial_of(agent.draft, known), catalogue=known)
    raise NotFound("Registering has no such step.")


def _save(person: Person, agent: Agent, form: forms.Form) -> Agent:
    profile = Profile.of(agent)
    if isinstance(form, OwnerForm):
        profile = replace(profile, accountable_person=form.accountable_person, deputy=form.deputy)
        return save_draft(actor=person, agent=agent, profile=profile, team=form.team)
    return save_draft(actor=person, agent=agent, profile=replace(profile, **form.cleaned_data))


def _merged(agent: Agent, form: ScopeForm | TiersForm) -> dict[str, Any]:
    if isinstance(form, ScopeForm):
        return {**agent.draft, "scope": form.document()}
    return {**agent.draft, **form.document()}


def _blank(person: Person, like: Agent | None = None) -> Agent:
    """An agent in memory only, to make a charter from."""
    team = teams_managed_by(person).first() or Team(name="")
    if like is not None:
        document = like.draft if like.revision is None else like.revision.document
        facts = {**WhoForm.initial_of(like), "name": ""}
        return Agent(owner_team=like.owner_team, accountable_person=like.accountable_person, draft=document, **facts)
    return Agent(owner_team=team, draft=template().to_document(), **WhoForm.initial_of(None))


def _typed_who(agent: Agent, request: HttpRequest) -> Agent:
    form = WhoForm(request.POST)
    form.is_valid()
    for field, value in form.cleaned_data.items():
        setattr(agent, field, value)
    named = request.POST.get("team", "")
    team = next((one for one in teams_managed_by(person_of(request)) if one.slug == named), None)
    if team is not None and agent._state.adding:  # noqa: SLF001 (Django's own word for "not stored yet")
        agent.owner_team = team
    return agent


def _overlaid(agent: Agent, form: forms.Form, request: HttpRequest) -> Agent:
    """The agent in memory with what the form holds; an entry that cannot be read is left out."""
    if isinstance(form, (ScopeForm, TiersForm)):
        agent.draft = readable(_merged(agent, form)).to_document()
    elif isinstance(form, OwnerForm):
        if "team" in form.cleaned_data:
            agent.owner_team, agent.accountable_person, agent.deputy = form.team, form.accountable_person, form.deputy
    else:
        _typed_who(agent, request)
    return agent


def _show(
    request: HttpRequest,
    form: forms.Form,
    step: str,
    agent: Agent,
    *,
    status: int = 200,
    like: Agent | None = None,
    seen: str = "",
) -> HttpResponse:
    new = agent._state.adding  # noqa: SLF001
    context: dict[str, Any] = {
        "agent": None if new else agent,
        "like": like,
        "form": form,
        "step": step,
        "heading": LABELS[step],
        "charter": charter_of(agent),
        "seen": seen,
        "charter_url": reverse("registry:register_first_charter") + (f"?like={like.slug}" if like else "")
        if new
        else reverse("registry:register_charter", args=[agent.slug, step]),
        "steps": _steps(step, None if new else agent),
    }
    if isinstance(form, TiersForm):
        context["tier_groups"] = tier_groups(readable(_merged(agent, form) if form.is_bound else agent.draft), form)
    return render(request, "registry/register_step.html", context, status=status)


def _steps(current: str, agent: Agent | None) -> list[dict[str, str]]:
    names = (*STEPS, "review")
    here = names.index(current)
    return [
        {
            "label": LABELS[name],
            # A draft can be walked in any order: what is missing is said at the end.
            "url": _address(agent, name) if agent is not None and name != current else "",
            "state": "current" if place == here else "done" if place < here else "ahead",
        }
        for place, name in enumerate(names)
    ]


def _address(agent: Agent, name: str) -> str:
    if name == "review":
        return reverse("registry:register_review", args=[agent.slug])
    return reverse("registry:register_step", args=[agent.slug, name])


def _mend(agent: Agent, fault: dict[str, str]) -> dict[str, str]:
    first, *rest = fault["pointer"].strip("/").split("/")
    step = _MENDED_IN.get(first) or ("scope" if rest[:1] == ["scope"] else "tiers")
    words = " ".join(rest[1:] if first == "policy" else [first]).replace("_", " ")
    return {
        "what": words.capitalize(),
        "detail": fault["detail"],
        "url": _address(agent, step),
        "step": LABELS[step],
    }
