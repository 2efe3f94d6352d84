"""Registering an agent: a draft that is kept as it is typed, then one act that makes it real."""

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from guardian.shortcuts import assign_perm

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Membership, Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, PolicyRevision
from registry.rules.lifecycle import AgentState, AgentVerb, IllegalMove, advance
from registry.rules.policy import Policy, PolicyError, digest, template


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


@transaction.atomic(durable=True)
def start_draft(*, actor: Person, team: Team, profile: Profile) -> Agent:
    """A new draft of the team, with the tight template as its policy. Drafts are not in the ledger."""
    if not authority_of(actor).has(Role.MANAGER, team.pk):
        raise NotAllowed(f"Only a manager of {team.name} registers its agents. Nothing was saved.")
    slug = slugify(profile.name)
    if not slug:
        raise InvalidInput(
            "The name needs at least one letter or digit. Nothing was saved.",
            errors=[{"pointer": "/name", "detail": "needs at least one letter or digit"}],
        )
    try:
        with transaction.atomic():
            agent = Agent.objects.create(
                slug=slug,
                owner_team=team,
                created_by=actor,
                draft=template().to_document(),
                **_columns(profile),
            )
    except IntegrityError as error:
        raise Conflict(
            f"An agent called {profile.name} exists already. Choose another name; nothing was saved.",
            errors=[{"pointer": "/name", "detail": "is taken"}],
        ) from error
    assign_perm("registry.view_agent", team.group, agent)
    return agent


@transaction.atomic(durable=True)
def save_draft(
    *, actor: Person, agent: Agent, profile: Profile | None = None, policy: dict[str, Any] | None = None
) -> Agent:
    """Keep what was typed so far. The policy document need not be valid yet."""
    agent = _lock(agent)
    _refuse_unless_manager(actor, agent)
    if agent.state != AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is registered; its policy is changed by a new revision. Nothing was saved.")
    if profile is not None:
        for column, value in _columns(profile).items():
            setattr(agent, column, value)
        agent.slug = slugify(profile.name) or agent.slug
    if policy is not None:
        agent.draft = policy
    try:
        with transaction.atomic():
            agent.save()
    except IntegrityError as error:
        raise Conflict(
            f"An agent called {agent.name} exists already. Nothing was saved.",
            errors=[{"pointer": "/name", "detail": "is taken"}],
        ) from error
    return agent


@transaction.atomic(durable=True)
def register_agent(*, actor: Person, agent: Agent) -> Agent:
    """Make the draft an active agent under revision 1.

    Raises InvalidInput naming every field that is missing or wrong; nothing is registered then.
    """
    agent = _lock(agent)
    _refuse_unless_manager(actor, agent)
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


def _refuse_unless_manager(actor: Person, agent: Agent) -> None:
    if not authority_of(actor).has(Role.MANAGER, agent.owner_team_id):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} may do this. Nothing was changed.")
