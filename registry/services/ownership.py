"""Who answers for an agent: a row for every time it changes, so that what was done keeps the owner of its time."""

from datetime import datetime

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import record_events as events
from registry.models import Agent, Ownership
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import may_manage
from registry.services.locking import lock_agent
from registry.services.profile import faults_of_people, refuse_reason


def note_ownership(*, agent: Agent, by: Person | None, at: datetime) -> Ownership:
    """Who owns the agent from ``at`` on; in the transaction that made it so."""
    if agent.accountable_person_id is None:
        raise ValueError("Only an agent that somebody answers for has an owner of its time.")
    return Ownership.objects.create(
        agent=agent,
        team=agent.owner_team,
        accountable_person_id=agent.accountable_person_id,
        deputy_id=agent.deputy_id,
        since=at,
        by=by,
    )


@transaction.atomic(durable=True)
def change_people(
    *, actor: Person, agent: Agent, accountable_person: Person | None, deputy: Person | None, reason: str
) -> Agent:
    """Name who answers for a registered agent, and who stands in. Both are active people of the owner team."""
    refuse_reason(reason, "changed")
    agent = lock_agent(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(
            f"Only a manager of {agent.owner_team.name} says who answers for {agent.name}. Nothing was changed."
        )
    if agent.state in (AgentState.DRAFT.value, AgentState.RETIRED.value):
        raise Conflict(f"{agent.name} is {agent.state}; nobody new can answer for it. Nothing was changed.")
    faults = faults_of_people(team=agent.owner_team, accountable_person=accountable_person, deputy=deputy)
    if faults or accountable_person is None:
        raise InvalidInput(f"They cannot answer for {agent.name}. Nothing was changed.", errors=faults)
    before = (agent.accountable_person_id, agent.deputy_id)
    if before == (accountable_person.pk, deputy.pk if deputy else None):
        raise InvalidInput(f"They answer for {agent.name} already. Nothing was changed.")
    agent.accountable_person, agent.deputy = accountable_person, deputy
    agent.save(update_fields=["accountable_person", "deputy"])
    now = database_now()
    note_ownership(agent=agent, by=actor, at=now)
    changed = events.OwnershipChanged(
        team=agent.owner_team_id,
        team_name=agent.owner_team.name,
        accountable_person=accountable_person.pk,
        deputy=None if deputy is None else deputy.pk,
        team_before=agent.owner_team_id,
        accountable_before=before[0],  # type: ignore[arg-type]  # a registered agent has one (constraint)
        deputy_before=before[1],
        reason=reason.strip(),
    )
    append(changed, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return agent
