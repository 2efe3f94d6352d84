"""Registering an agent: a draft that is kept as it is typed, then one act that makes it real."""

import hashlib
import json
import re
from typing import Any

from django.db import transaction
from guardian.shortcuts import assign_perm, remove_perm

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, FindingKind, PolicyRevision
from registry.rules.lifecycle import AgentState, AgentVerb, IllegalMove, advance
from registry.rules.policy import Policy, PolicyError, digest, template
from registry.selectors.agents import visible_agents
from registry.selectors.policies import catalogue_in_force
from registry.selectors.reregistration import StopBehind, stop_behind
from registry.services.findings import flag
from registry.services.locking import lock_agent
from registry.services.ownership import note_ownership
from registry.services.profile import Profile, faults_of_people, save_unless_taken, validated

__all__ = [
    "Profile",
    "add_revision",
    "discard_draft",
    "draft_digest",
    "let_team_see",
    "move_to_team",
    "register_agent",
    "save_draft",
    "start_draft",
]


_NOT_STORED = re.compile("[\0\ud800-\udfff]")


@transaction.atomic(durable=True)
def start_draft(*, actor: Person, team: Team, profile: Profile, policy: dict[str, Any] | None = None) -> Agent:
    """A new draft of the team, under the tight template when no policy is given. Drafts are not in the ledger.

    Raises NotAllowed for anyone but the team's managers, InvalidInput with pointers, Conflict for a name in use.
    """
    _refuse_unless_manager(actor, team)
    slug = validated(profile)
    draft = template().to_document() if policy is None else _storable(policy)
    agent = Agent(slug=slug, owner_team=team, created_by=actor, draft=draft, **profile.columns())
    save_unless_taken(agent)
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
    seen: str | None = None,
) -> Agent:
    """Keep what was typed so far. The policy document need not be valid yet; a new team must be managed too.

    ``seen`` is the digest of the draft that was looked at: Conflict when it was changed since.
    """
    agent = lock_agent(agent)
    _refuse_unless_manager(actor, agent.owner_team)
    if agent.state != AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is registered; its policy is changed by a new revision. Nothing was saved.")
    if seen is not None and seen != draft_digest(agent):
        raise Conflict(f"The draft of {agent.name} was changed elsewhere meanwhile. Nothing was saved.")
    if profile is not None:
        agent.slug = validated(profile)
        for column, value in profile.columns().items():
            setattr(agent, column, value)
    if policy is not None:
        agent.draft = _storable(policy)
    if team is not None and team.pk != agent.owner_team_id:
        _refuse_unless_manager(actor, team)
        move_to_team(agent, team)
    save_unless_taken(agent)
    return agent


def draft_digest(agent: Agent) -> str:
    """Says whether a draft was changed while a form was open."""
    people = [str(agent.accountable_person_id), str(agent.deputy_id), str(agent.owner_team_id)]
    written = json.dumps([Profile.of(agent).edited, people, agent.draft], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _storable(typed: Any) -> Any:
    """A draft is kept right or wrong; what the database cannot hold becomes a sign that no entry may have."""
    if isinstance(typed, dict):
        return {_storable(name): _storable(value) for name, value in typed.items()}
    if isinstance(typed, list):
        return [_storable(one) for one in typed]
    return _NOT_STORED.sub("\ufffd", typed) if isinstance(typed, str) else typed


@transaction.atomic(durable=True)
def discard_draft(*, actor: Person, agent: Agent) -> None:
    """Throw a draft away, and free its name. Nothing of it was ever in force or in the ledger."""
    agent = lock_agent(agent)
    _refuse_unless_manager(actor, agent.owner_team)
    if agent.state != AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is registered; it can be retired, not discarded. Nothing was changed.")
    agent.delete()


def register_agent(*, actor: Person, agent: Agent) -> Agent:
    """Make the draft an active agent under revision 1.

    Raises InvalidInput naming every field that is missing or wrong, and Conflict when the agent would carry on
    what a stop has ended; that is flagged too. Nothing is registered then.
    """
    try:
        return _register(actor=actor, agent=agent)
    except _EscapesStop as refused:
        # Only now: what was flagged inside would have gone with the transaction that was refused.
        _flag_again(actor, agent, refused.behind)
        raise Conflict(_who_resumes(actor, agent, refused.behind)) from refused


class _EscapesStop(Exception):
    def __init__(self, behind: StopBehind) -> None:
        super().__init__(behind.because)
        self.behind = behind


@transaction.atomic(durable=True)
def _register(*, actor: Person, agent: Agent) -> Agent:
    agent = lock_agent(agent)
    _refuse_unless_manager(actor, agent.owner_team)
    try:
        state = advance(AgentState(agent.state), AgentVerb.ACTIVATE)
    except IllegalMove as error:
        raise Conflict(f"{error} Nothing was changed.") from error
    policy = _complete(agent)
    behind = stop_behind(agent, policy)
    if behind is not None:
        raise _EscapesStop(behind)
    now = database_now()
    revision = add_revision(agent=agent, policy=policy, author=actor, number=1)
    agent.state, agent.revision, agent.registered_at, agent.draft = state.value, revision, now, {}
    agent.save(update_fields=["state", "revision", "registered_at", "draft"])
    note_ownership(agent=agent, by=actor, at=now)
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
        deputy=agent.deputy_id,
    )
    revised = events.PolicyRevised(
        revision=1, revision_id=revision.pk, digest=policy_digest, document=revision.document, widened=True
    )
    append(revised, actor=actor_for(actor), at=now, agent_id=agent.pk)
    append(registered, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return agent


def let_team_see(agent: Agent) -> None:
    """The owner team sees the agent and its record; in the transaction that makes the agent."""
    assign_perm("registry.view_agent", agent.owner_team.group, agent)


def move_to_team(agent: Agent, team: Team) -> None:
    """Make the agent a team's, which alone sees it from now on. The caller locks, saves and enters it."""
    remove_perm("registry.view_agent", agent.owner_team.group, agent)
    assign_perm("registry.view_agent", team.group, agent)
    agent.owner_team = team


def add_revision(*, agent: Agent, policy: Policy, author: Person, number: int) -> PolicyRevision:
    """The stored, immutable form of a policy."""
    return PolicyRevision.objects.create(
        agent=agent,
        number=number,
        document=policy.to_document(),
        digest=bytes.fromhex(digest(policy)),
        author=author,
    )


def _flag_again(actor: Person, agent: Agent, behind: StopBehind) -> None:
    flag(
        kind=FindingKind.REGISTERED_AGAIN,
        key=f"registered-again:{behind.order.pk}:{agent.pk}",
        sentence=f"{actor.name} tried to register {agent.name} for {agent.owner_team.name} although "
        f"{_named(behind)}: {behind.because}.",
        agent=behind.stopped,
        team=None if behind.stopped else agent.owner_team,
        order=behind.order,
        caused_by=actor,
    )


def _who_resumes(actor: Person, agent: Agent, behind: StopBehind) -> str:
    stop = f"stop {behind.order.number}"
    stopped = behind.stopped
    if stopped is None:
        team = "" if behind.order.key == "all" else f"managers of {agent.owner_team.name} and "
        said = (
            f"{behind.because} by {stop}, which two of {team}security resume"
            if team
            else (f"{behind.because} by {stop}, which two people of security resume")
        )
    elif visible_agents(actor).filter(pk=stopped.pk).exists():
        said = (
            f"{stopped.name} is stopped by {stop} and {behind.because}; two managers of {stopped.owner_team.name} "
            "or people of security resume it"
        )
    else:
        # Another team's agents are not the reader's to know by name.
        said = f"an agent of another team is stopped by {stop} and {behind.because}; security can say more"
    return f"{agent.name} cannot be registered: {said}. Nothing was registered, and the attempt is on record."


def _named(behind: StopBehind) -> str:
    name = behind.order.label if behind.stopped is None else behind.stopped.name
    return f"stop {behind.order.number} is in force over {name}"


def _complete(agent: Agent) -> Policy:
    """The draft's policy when nothing is missing; raises InvalidInput with all that is."""
    missing: list[dict[str, str]] = []
    if not agent.purpose.strip():
        missing.append({"pointer": "/purpose", "detail": "say what the agent is for"})
    missing += faults_of_people(team=agent.owner_team, accountable_person=agent.accountable_person, deputy=agent.deputy)
    try:
        policy = Policy.from_document(agent.draft, catalogue=catalogue_in_force())
    except PolicyError as error:
        missing += [{**item, "pointer": f"/policy{item['pointer']}"} for item in error.errors]
    else:
        if not policy.scope.repositories:
            missing.append({"pointer": "/policy/scope/repositories", "detail": "name at least one repository"})
        if not missing:
            return policy
    raise InvalidInput(f"{agent.name} cannot be registered yet. Nothing was registered.", errors=missing)


def _refuse_unless_manager(actor: Person, team: Team) -> None:
    if not authority_of(actor).has(Role.MANAGER, team.pk):
        raise NotAllowed(f"Only a manager of {team.name} registers and changes its agents. Nothing was changed.")
