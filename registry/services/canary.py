"""The canary: an agent that may do nothing real, made to be stopped on a schedule."""

from datetime import timedelta

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, Credential, Drill
from registry.rules.actions import CATALOGUE
from registry.rules.lifecycle import AgentState, Platform, Trigger
from registry.rules.numbers import Limits
from registry.rules.policy import Policy, Scope
from registry.rules.tiers import Tier
from registry.services.credential import end_credentials, make_credential
from registry.services.ownership import note_ownership
from registry.services.profile import faults_of_people, save_unless_taken
from registry.services.register import add_revision, let_team_see

NAME, SLUG = "Drill canary", "drill-canary"
# A repository that is nobody's: what the canary states of itself names nothing real.
REPOSITORY = "bailiwick/drill-canary"
TOKEN_MINUTES = 15
LEASE_SECONDS = 6


def canary_policy() -> Policy:
    """Reads and searches only, in a repository that does not exist; everything else is forbidden."""
    free = {"read", "search"}
    return Policy(
        scope=Scope(repositories=(REPOSITORY,), paths_allowed=("**",)),
        tiers={key: Tier.FREE if key in free else Tier.FORBIDDEN for key in CATALOGUE},
        limits=Limits(lease_seconds=LEASE_SECONDS),
    )


@transaction.atomic(durable=True)
def create_canary(*, actor: Person, team: Team, accountable_person: Person | None) -> Agent:
    """Register the canary with a team that answers for it: by security, or a manager of the team."""
    authority = authority_of(actor)
    if not (authority.has(Role.SECURITY) or authority.has(Role.MANAGER, team.pk)):
        raise NotAllowed(f"Only security and managers of {team.name} make a canary. Nothing was made.")
    faults = faults_of_people(team=team, accountable_person=accountable_person, deputy=None)
    if faults or accountable_person is None:
        raise InvalidInput(f"{team.name} has nobody who could answer for the canary. Nothing was made.")
    if Agent.objects.filter(canary=True, state=AgentState.ACTIVE.value).exists():
        raise Conflict("There is a canary already. Nothing was made.")
    now, policy = database_now(), canary_policy()
    agent = Agent(
        name=NAME,
        slug=SLUG,
        purpose="Is stopped on a schedule, so that the stop is known to work. It does no work of its own.",
        platform=Platform.OTHER.value,
        trigger=Trigger.SCHEDULE.value,
        owner_team=team,
        accountable_person=accountable_person,
        canary=True,
        created_by=actor,
    )
    save_unless_taken(agent)
    let_team_see(agent)
    revision = add_revision(agent=agent, policy=policy, author=actor, number=1)
    agent.state, agent.revision, agent.registered_at = AgentState.ACTIVE.value, revision, now
    agent.save(update_fields=["state", "revision", "registered_at"])
    note_ownership(agent=agent, by=actor, at=now)
    digest = bytes(revision.digest).hex()
    revised = events.PolicyRevised(
        revision=1, revision_id=revision.pk, digest=digest, document=revision.document, widened=True
    )
    registered = events.AgentRegistered(
        name=agent.name,
        platform=agent.platform,
        trigger=agent.trigger,
        human_position=agent.human_position,
        criticality=agent.criticality,
        team=team.pk,
        team_name=team.name,
        accountable_person=accountable_person.pk,
        revision=1,
        policy_digest=digest,
        deputy=None,
    )
    append(revised, actor=actor_for(actor), at=now, agent_id=agent.pk)
    append(registered, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return agent


@transaction.atomic(durable=True)
def open_point(*, drill: Drill) -> str:
    """A token for the enforcement point of a canary's drill: it lives as long as the drill, and no longer."""
    if not drill.agent.canary:
        raise NotAllowed("Only a canary's drill brings its own enforcement point. Nothing was issued.")
    now = database_now()
    credential, token = make_credential(
        agent=drill.agent,
        actor=drill.agent.created_by,
        name=_name(drill),
        at=now,
        until=now + timedelta(minutes=TOKEN_MINUTES),
        scope={},
    )
    issued = events.CredentialIssued(
        credential=credential.pk,
        name=credential.name,
        prefix=credential.prefix,
        expires_at=instant(credential.expires_at),
        kind=credential.kind,
        scope=credential.scope,
    )
    append(issued, actor=SYSTEM, at=now, agent_id=drill.agent_id)
    return token


@transaction.atomic(durable=True)
def close_point(*, drill: Drill) -> None:
    """Revoke what ``open_point`` issued."""
    open_ones = Credential.objects.filter(agent=drill.agent, name=_name(drill), revoked_at=None)
    end_credentials(list(open_ones.select_for_update(of=("self",))), actor=SYSTEM, at=database_now())


def _name(drill: Drill) -> str:
    return f"drill {drill.number}"
