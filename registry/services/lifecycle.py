"""An agent's later life: suspended and brought back, or retired for good with all that it holds."""

from datetime import datetime

from django.db import transaction

from portal.errors import Conflict, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, DrillState, KillState
from registry.rules.kill import ScopeKind, next_epoch, scope_key
from registry.rules.lifecycle import AgentState, AgentVerb, IllegalMove, advance
from registry.selectors.agents import may_manage, may_stop
from registry.selectors.credentials import live_credentials, live_trusts
from registry.selectors.lifecycle import obstacles_to_reinstating
from registry.services.credential import end_credentials, end_trusts
from registry.services.locking import lock_agent
from registry.services.profile import refuse_reason
from registry.services.proposals import withdraw_of_agent
from registry.services.transfer import withdraw_offers_of


@transaction.atomic(durable=True)
def suspend_agent(*, actor: Person | None, agent: Agent, reason: str) -> Agent:
    """Take an agent out of work until it is reinstated. ``actor`` is None when the portal itself does.

    Its epoch rises, so that what was approved before stays dead when it comes back. Raises NotAllowed for
    anyone but the team's managers and security, Conflict unless it is active.
    """
    refuse_reason(reason, "suspended")
    agent = _lock(agent)
    if actor is not None and not may_stop(authority_of(actor), agent.owner_team_id):
        raise NotAllowed(
            f"Only managers of {agent.owner_team.name} and security suspend {agent.name}. Nothing was changed."
        )
    return _move(agent, AgentVerb.SUSPEND, actor=SYSTEM if actor is None else actor_for(actor), reason=reason)


@transaction.atomic(durable=True)
def reinstate_agent(*, actor: Person, agent: Agent, reason: str) -> Agent:
    """Let a suspended agent work again, when nothing stands against it (``obstacles_to_reinstating``)."""
    refuse_reason(reason, "reinstated")
    agent = _lock(agent)
    if not may_stop(authority_of(actor), agent.owner_team_id):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} reinstates {agent.name}. Nothing was changed.")
    obstacles = obstacles_to_reinstating(actor, agent)
    if obstacles:
        raise Conflict(f"{agent.name} cannot be reinstated. {' '.join(obstacles)} Nothing was changed.")
    return _move(agent, AgentVerb.REINSTATE, actor=actor_for(actor), reason=reason)


@transaction.atomic(durable=True)
def retire_agent(*, actor: Person, agent: Agent, reason: str) -> Agent:
    """End an agent for good, and with it its credentials, trusts, open proposals, transfers and waiting drills."""
    refuse_reason(reason, "retired")
    agent = _lock(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} retires {agent.name}. Nothing was changed.")
    if agent.state == AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is a draft; it can be discarded, not retired. Nothing was changed.")
    if agent.drills.filter(state=DrillState.RUNNING.value).exists():
        raise Conflict(f"A drill on {agent.name} is running; wait until it has ended. Nothing was changed.")
    now, who = database_now(), actor_for(actor)
    credentials = list(live_credentials(agent, now).order_by("pk").select_for_update(of=("self",)))
    trusts = list(live_trusts(agent).order_by("pk").select_for_update(of=("self",)))
    end_trusts(trusts, actor=who, at=now)
    end_credentials(credentials, actor=who, at=now)
    taken_along = {
        "credentials": len(credentials),
        "trusts": len(trusts),
        "proposals": withdraw_of_agent(agent=agent, actor=actor, because=f"{agent.name} was retired."),
        "transfers": withdraw_offers_of(agent, actor=actor),
        "drills": _cancel_drills(agent, now),
    }
    return _move(agent, AgentVerb.RETIRE, actor=who, reason=reason, taken_along=taken_along)


def _cancel_drills(agent: Agent, now: datetime) -> int:
    return agent.drills.filter(state=DrillState.WAITING.value).update(
        state=DrillState.CANCELLED.value, ended_at=now, outcome="The agent was retired before the drill began."
    )


def _move(
    agent: Agent, verb: AgentVerb, *, actor: Actor, reason: str, taken_along: dict[str, int] | None = None
) -> Agent:
    before = agent.state
    try:
        after = advance(AgentState(before), verb)
    except IllegalMove as error:
        raise Conflict(f"{agent.name} is {before}: {error} Nothing was changed.") from error
    agent.state, agent.state_reason = after.value, reason.strip()
    agent.save(update_fields=["state", "state_reason"])
    moved = events.AgentMoved(before=before, after=agent.state, reason=agent.state_reason, taken_along=taken_along)
    append(moved, actor=actor, at=database_now(), agent_id=agent.pk)
    return agent


def _lock(agent: Agent) -> Agent:
    """The agent locked, and its epoch one further: the kill state first, in the order in which a stop locks."""
    key = scope_key(ScopeKind.AGENT, agent.pk)
    KillState.objects.bulk_create([KillState(key=key)], ignore_conflicts=True)
    state = KillState.objects.select_for_update().get(key=key)
    locked = lock_agent(agent)
    state.epoch = next_epoch(state.epoch)
    state.save(update_fields=["epoch"])
    return locked
