"""Handing an agent to another team: offered by its owner, taken by a manager of the receiver who names who answers."""

from django.db import IntegrityError, transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of, humans_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import record_events as events
from registry.models import Agent, OwnershipTransfer, TransferState
from registry.rules.compare import widens
from registry.rules.lifecycle import AgentState
from registry.rules.restriction import Restriction
from registry.selectors.agents import may_manage
from registry.selectors.kills import standing_of
from registry.selectors.policies import team_in_force
from registry.services.kill import carry_epoch
from registry.services.locking import lock_agent
from registry.services.ownership import note_ownership
from registry.services.profile import faults_of_people, refuse_reason
from registry.services.register import move_to_team


@transaction.atomic(durable=True)
def offer_transfer(*, actor: Person, agent: Agent, to_team: Team, reason: str) -> OwnershipTransfer:
    """Offer an agent to another team. Nothing changes until a manager of that team accepts."""
    refuse_reason(reason, "offered")
    agent = lock_agent(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} gives {agent.name} away. Nothing was offered.")
    _refuse_unless_movable(agent, "offered")
    if to_team.pk == agent.owner_team_id:
        raise InvalidInput(
            f"{agent.name} belongs to {to_team.name} already. Nothing was offered.",
            errors=[{"pointer": "/to_team", "detail": "owns the agent already"}],
        )
    try:
        with transaction.atomic():
            transfer = OwnershipTransfer.objects.create(
                agent=agent,
                from_team=agent.owner_team,
                to_team=to_team,
                reason=reason.strip(),
                offered_by=actor,
                offered_at=database_now(),
            )
    except IntegrityError as error:
        raise Conflict(f"{agent.name} is on offer already; withdraw that offer first. Nothing was offered.") from error
    offered = events.TransferOffered(
        transfer=transfer.pk, from_team=agent.owner_team_id, to_team=to_team.pk, reason=transfer.reason
    )
    append(offered, actor=actor_for(actor), at=transfer.offered_at, agent_id=agent.pk)
    return transfer


@transaction.atomic(durable=True)
def accept_transfer(
    *, actor: Person, transfer: OwnershipTransfer, accountable_person: Person | None, deputy: Person | None = None
) -> Agent:
    """Take the agent: from now on the actor's team owns it, and the people named answer for it.

    Its credentials stay, and what waits for an approval is void. Its epoch is carried so that it only grows.
    """
    # The stops first, in the order in which a stop locks: neither team can be stopped while the agent is between them.
    carry_epoch(agent=transfer.agent, from_team=transfer.from_team, to_team=transfer.to_team)
    agent = lock_agent(transfer.agent)
    transfer = _open(transfer)
    if not authority_of(actor).has(Role.MANAGER, transfer.to_team_id):
        raise NotAllowed(f"Only a manager of {transfer.to_team.name} accepts {agent.name}. Nothing was changed.")
    _refuse_unless_movable(agent, "changed")
    if actor.human in humans_of([transfer.offered_by_id]) and _gains(transfer):
        raise NotAllowed(
            f"{transfer.to_team.name}'s policy forbids less than {transfer.from_team.name}'s, so the move widens what "
            f"{agent.name} may do, and widening needs a second person. Nothing was changed."
        )
    faults = faults_of_people(team=transfer.to_team, accountable_person=accountable_person, deputy=deputy)
    if faults or accountable_person is None:
        raise InvalidInput(f"They cannot answer for {agent.name}. Nothing was changed.", errors=faults)
    now = database_now()
    changed = events.OwnershipChanged(
        team=transfer.to_team_id,
        team_name=transfer.to_team.name,
        accountable_person=accountable_person.pk,
        deputy=None if deputy is None else deputy.pk,
        team_before=agent.owner_team_id,
        accountable_before=agent.accountable_person_id,  # type: ignore[arg-type]  # a registered agent has one
        deputy_before=agent.deputy_id,
        transfer=transfer.pk,
        reason=transfer.reason,
    )
    move_to_team(agent, transfer.to_team)
    agent.accountable_person, agent.deputy = accountable_person, deputy
    agent.save(update_fields=["owner_team", "accountable_person", "deputy"])
    note_ownership(agent=agent, by=actor, at=now)
    append(changed, actor=actor_for(actor), at=now, agent_id=agent.pk)
    _answer(transfer, TransferState.ACCEPTED, actor=actor)
    return agent


@transaction.atomic(durable=True)
def decline_transfer(*, actor: Person, transfer: OwnershipTransfer, reason: str) -> OwnershipTransfer:
    """Say no for the receiving team."""
    refuse_reason(reason, "declined")
    transfer = _open(transfer)
    if not authority_of(actor).has(Role.MANAGER, transfer.to_team_id):
        raise NotAllowed(f"Only a manager of {transfer.to_team.name} declines this offer. Nothing was changed.")
    return _answer(transfer, TransferState.DECLINED, actor=actor, reason=reason)


@transaction.atomic(durable=True)
def withdraw_transfer(*, actor: Person, transfer: OwnershipTransfer, reason: str) -> OwnershipTransfer:
    """Take an offer back, as long as nobody has accepted it."""
    refuse_reason(reason, "withdrawn")
    transfer = _open(transfer)
    if not may_manage(authority_of(actor), transfer.agent):
        raise NotAllowed(f"Only a manager of {transfer.from_team.name} withdraws this offer. Nothing was changed.")
    return _answer(transfer, TransferState.WITHDRAWN, actor=actor, reason=reason)


def withdraw_offers_of(agent: Agent, *, actor: Person) -> int:
    """Take back what is on offer of an agent that ends; in the caller's transaction."""
    offers = list(
        OwnershipTransfer.objects.select_for_update(of=("self",)).filter(agent=agent, state=TransferState.OPEN.value)
    )
    for transfer in offers:
        _answer(transfer, TransferState.WITHDRAWN, actor=actor)
    return len(offers)


def _gains(transfer: OwnershipTransfer) -> bool:
    """Whether the agent may do something under the receiving team's policy that it may not under its own."""
    before, after = team_in_force(transfer.from_team), team_in_force(transfer.to_team)
    return bool(widens(before or Restriction(), after or Restriction()))


def _answer(
    transfer: OwnershipTransfer, state: TransferState, *, actor: Person, reason: str | None = None
) -> OwnershipTransfer:
    transfer.state, transfer.answered_by, transfer.answered_at = state.value, actor, database_now()
    transfer.save(update_fields=["state", "answered_by", "answered_at"])
    answered = events.TransferAnswered(
        transfer=transfer.pk, answer=state.value, reason=None if reason is None else reason.strip()
    )
    append(answered, actor=actor_for(actor), at=transfer.answered_at, agent_id=transfer.agent_id)
    return transfer


def _refuse_unless_movable(agent: Agent, done: str) -> None:
    if agent.state not in (AgentState.ACTIVE.value, AgentState.SUSPENDED.value):
        raise Conflict(f"{agent.name} is {agent.state} and stays where it is. Nothing was {done}.")
    # A stop of the old team would no longer hold an agent that has left it.
    if standing_of(agent).stopped_by:
        raise Conflict(f"{agent.name} is stopped; it changes hands once it is resumed. Nothing was {done}.")


def _open(transfer: OwnershipTransfer) -> OwnershipTransfer:
    found = (
        OwnershipTransfer.objects.select_for_update(of=("self",))
        .select_related("agent", "agent__owner_team", "from_team", "from_team__group", "to_team", "to_team__group")
        .filter(pk=transfer.pk)
        .first()
    )
    if found is None:
        raise NotFound("There is no such offer.")
    if found.state != TransferState.OPEN.value:
        raise Conflict(f"This offer was {found.state} already. Nothing was changed.")
    return found
