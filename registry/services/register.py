"""Registering an agent: a draft that is kept as it is typed, then one act that makes it real."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from guardian.shortcuts import assign_perm, remove_perm

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Membership, Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, PolicyRevision
from registry.rules.lifecycle import (
    AgentState,
    AgentVerb,
    Criticality,
    HumanPosition,
    IllegalMove,
    Platform,
    Trigger,
    advance,
)
from registry.rules.policy import Policy, PolicyError, digest, template
from registry.rules.texts import MOST_NAME, MOST_TEXT, fault_in

# Pages of the registry live at these places under /agents/.
RESERVED_SLUGS = frozenset({"register"})
_ENUMS: dict[str, type[StrEnum]] = {
    "platform": Platform,
    "trigger": Trigger,
    "human_position": HumanPosition,
    "criticality": Criticality,
}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a manager says about an agent; everything but the platform may be missing in a draft."""

    name: str
    platform: str
    purpose: str = ""
    trigger: str = "person"
    human_position: str = "on_loop"
    criticality: str = "medium"
    data_touched: str = ""
    accountable_person: Person | None = None

    @classmethod
    def of(cls, agent: Agent) -> "Profile":
        """What is stored about the agent now, to change a part of it."""
        return cls(**{field.name: getattr(agent, field.name) for field in fields(cls)})


@transaction.atomic(durable=True)
def start_draft(*, actor: Person, team: Team, profile: Profile, policy: dict[str, Any] | None = None) -> Agent:
    """A new draft of the team, under the tight template when no policy is given. Drafts are not in the ledger.

    Raises NotAllowed for anyone but the team's managers, InvalidInput with pointers, Conflict for a name in use.
    """
    _refuse_unless_manager(actor, team)
    slug = _validated(profile)
    draft = template().to_document() if policy is None else policy
    agent = Agent(slug=slug, owner_team=team, created_by=actor, draft=draft, **_columns(profile))
    _save_unless_taken(agent)
    assign_perm("registry.view_agent", team.group, agent)
    return agent


@transaction.atomic(durable=True)
def save_draft(
    *,
    actor: Person,
    agent: Agent,
    profile: Profile | None = None,
    policy: dict[str, Any] | None = None,
    team: Team | None = None,
) -> Agent:
    """Keep what was typed so far. The policy document need not be valid yet; a new team must be managed too."""
    agent = _lock(agent)
    _refuse_unless_manager(actor, agent.owner_team)
    if agent.state != AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is registered; its policy is changed by a new revision. Nothing was saved.")
    if profile is not None:
        agent.slug = _validated(profile)
        for column, value in _columns(profile).items():
            setattr(agent, column, value)
    if policy is not None:
        agent.draft = policy
    if team is not None and team.pk != agent.owner_team_id:
        _refuse_unless_manager(actor, team)
        remove_perm("registry.view_agent", agent.owner_team.group, agent)
        assign_perm("registry.view_agent", team.group, agent)
        agent.owner_team = team
    _save_unless_taken(agent)
    return agent


@transaction.atomic(durable=True)
def register_agent(*, actor: Person, agent: Agent) -> Agent:
    """Make the draft an active agent under revision 1.

    Raises InvalidInput naming every field that is missing or wrong; nothing is registered then.
    """
    agent = _lock(agent)
    _refuse_unless_manager(actor, agent.owner_team)
    try:
        state = advance(AgentState(agent.state), AgentVerb.ACTIVATE)
    except IllegalMove as error:
        raise Conflict(f"{error} Nothing was changed.") from error
    policy = _complete(agent)
    now = database_now()
    revision = add_revision(agent=agent, policy=policy, author=actor, number=1)
    agent.state, agent.revision, agent.registered_at, agent.draft = state.value, revision, now, {}
    agent.save(update_fields=["state", "revision", "registered_at", "draft"])
    policy_digest = bytes(revision.digest).hex()
    registered = events.AgentRegistered(
        name=agent.name,
        platform=agent.platform,
        trigger=agent.trigger,
        human_position=agent.human_position,
        criticality=agent.criticality,
        team=agent.owner_team_id,
        team_name=agent.owner_team.name,
        accountable_person=agent.accountable_person_id,  # type: ignore[arg-type]  # _complete refused None
        revision=1,
        policy_digest=policy_digest,
    )
    revised = events.PolicyRevised(
        revision=1, revision_id=revision.pk, digest=policy_digest, document=revision.document, widened=True
    )
    append(revised, actor=actor_for(actor), at=now, agent_id=agent.pk)
    append(registered, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return agent


def add_revision(*, agent: Agent, policy: Policy, author: Person, number: int) -> PolicyRevision:
    """The stored, immutable form of a policy."""
    return PolicyRevision.objects.create(
        agent=agent,
        number=number,
        document=policy.to_document(),
        digest=bytes.fromhex(digest(policy)),
        author=author,
    )


def _complete(agent: Agent) -> Policy:
    """The draft's policy when nothing is missing; raises InvalidInput with all that is."""
    missing = []
    if not agent.purpose.strip():
        missing.append({"pointer": "/purpose", "detail": "say what the agent is for"})
    person = agent.accountable_person
    if person is None:
        missing.append({"pointer": "/accountable_person", "detail": "name the person who answers for it"})
    elif not person.is_active or not Membership.objects.filter(person=person, team=agent.owner_team).exists():
        missing.append({"pointer": "/accountable_person", "detail": "must be an active member of the owner team"})
    try:
        policy = Policy.from_document(agent.draft)
    except PolicyError as error:
        missing += [{**item, "pointer": f"/policy{item['pointer']}"} for item in error.errors]
    else:
        if not policy.scope.repositories:
            missing.append({"pointer": "/policy/scope/repositories", "detail": "name at least one repository"})
        if not missing:
            return policy
    raise InvalidInput(f"{agent.name} cannot be registered yet. Nothing was registered.", errors=missing)


def _columns(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name.strip(),
        "purpose": profile.purpose,
        "platform": profile.platform,
        "trigger": profile.trigger,
        "human_position": profile.human_position,
        "criticality": profile.criticality,
        "data_touched": profile.data_touched,
        "accountable_person": profile.accountable_person,
    }


def _lock(agent: Agent) -> Agent:
    locked = Agent.objects.select_for_update(of=("self",)).select_related("owner_team").filter(pk=agent.pk).first()
    if locked is None:
        raise NotFound("The agent is gone.")
    return locked


def _refuse_unless_manager(actor: Person, team: Team) -> None:
    if not authority_of(actor).has(Role.MANAGER, team.pk):
        raise NotAllowed(f"Only a manager of {team.name} registers and changes its agents. Nothing was changed.")


def _validated(profile: Profile) -> str:
    """The slug of a profile that can be stored; raises InvalidInput with everything that is wrong in it."""
    texts = {
        "name": fault_in(profile.name, most=MOST_NAME),
        "purpose": fault_in(profile.purpose, most=MOST_TEXT, required=False, lines=True),
        "data_touched": fault_in(profile.data_touched, most=MOST_TEXT, required=False, lines=True),
    }
    errors = [{"pointer": f"/{field}", "detail": fault} for field, fault in texts.items() if fault]
    for field, enum in _ENUMS.items():
        if getattr(profile, field) not in {item.value for item in enum}:
            errors.append({"pointer": f"/{field}", "detail": f"must be one of {', '.join(enum)}"})
    slug = slugify(profile.name)
    if not texts["name"] and not slug:
        errors.append({"pointer": "/name", "detail": "needs at least one letter from a to z or a digit"})
    if slug in RESERVED_SLUGS:
        errors.append({"pointer": "/name", "detail": f"{slug} is the address of a page; choose another name"})
    if errors:
        raise InvalidInput("The agent's description is not valid. Nothing was saved.", errors=errors)
    return slug


def _save_unless_taken(agent: Agent) -> None:
    try:
        with transaction.atomic():
            agent.save()
    except IntegrityError as error:
        # Names that differ only in signs share an address, so the slug counts as the name here.
        raise Conflict(
            f"An agent called {agent.name}, or by nearly that name, exists already. Nothing was saved.",
            errors=[{"pointer": "/name", "detail": "is taken"}],
        ) from error
