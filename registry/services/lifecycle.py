"""An agent's later life: suspended and brought back, or retired for good with all that it holds."""

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, KillState
from registry.rules.kill import ScopeKind, next_epoch, scope_key
from registry.rules.lifecycle import AgentState, AgentVerb, IllegalMove, advance
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.agents import may_manage, may_stop


@transaction.atomic(durable=True)
def suspend_agent(*, actor: Person | None, agent: Agent, reason: str) -> Agent:
    """Take an agent out of work until it is reinstated. ``actor`` is None when the portal itself does.

    Its epoch rises, so that what was approved before stays dead when it comes back. Raises NotAllowed for
    anyone but the team's managers and security, Conflict unless it is active.
    """
    _refuse_reason(reason, "suspended")
    agent = _lock(agent)
    if actor is not None and not may_stop(authority_of(actor), agent.owner_team_id):
        raise NotAllowed(
            f"Only managers of {agent.owner_team.name} and security suspend {agent.name}. Nothing was changed."
        )
    return _move(agent, AgentVerb.SUSPEND, actor=SYSTEM if actor is None else actor_for(actor), reason=reason)


@transaction.atomic(durable=True)
def reinstate_agent(*, actor: Person, agent: Agent, reason: str) -> Agent:
    """Let a suspended agent work again, when nothing stands against it (``obstacles_to_reinstating``)."""
    _refuse_reason(reason, "reinstated")
    agent = _lock(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} reinstates {agent.name}. Nothing was changed.")
    return _move(agent, AgentVerb.REINSTATE, actor=actor_for(actor), reason=reason)


@transaction.atomic(durable=True)
def retire_agent(*, actor: Person, agent: Agent, reason: str) -> Agent:
    """End an agent for good, and with it its credentials, trusts, open proposals, transfers and waiting drills."""
    _refuse_reason(reason, "retired")
    agent = _lock(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} retires {agent.name}. Nothing was changed.")
    return _move(agent, AgentVerb.RETIRE, actor=actor_for(actor), reason=reason)


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
    locked = Agent.objects.select_for_update(of=("self",)).select_related("owner_team").filter(pk=agent.pk).first()
    if locked is None:
        raise NotFound("The agent is gone.")
    state.epoch = next_epoch(state.epoch)
    state.save(update_fields=["epoch"])
    return locked


def _refuse_reason(reason: str, done: str) -> None:
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault:
        raise InvalidInput(f"The reason {fault}. Nothing was {done}.", errors=[{"pointer": "/reason", "detail": fault}])
