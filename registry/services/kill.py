"""The kill switch: one person stops a scope at once, two others bring it back."""

from uuid import UUID

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry import events
from registry.models import Agent, KillOrder, KillState, ResumeAgreement
from registry.rules.kill import (
    RESUME_QUORUM,
    OrderState,
    ScopeKind,
    may_agree,
    next_epoch,
    resume_agreed,
    scope_key,
)
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.agents import may_stop
from registry.selectors.kills import team_of


@transaction.atomic(durable=True)
def order_kill(*, actor: Person, kind: ScopeKind, scope_id: UUID | None, reason: str) -> KillOrder:
    """Stop a scope. When it is stopped already, the order in force is returned: stopping twice is no error."""
    _refuse_reason(reason, "stopped")
    key = scope_key(kind, scope_id)
    team_id, label = _place(kind, scope_id)
    if not may_stop(authority_of(actor), team_id):
        raise NotAllowed(f"You may not stop {label}. Nothing was stopped.")
    state = _lock(key)
    if state.stopped:
        return KillOrder.objects.get(key=key, state=OrderState.ACTIVE.value)
    state.epoch, state.stopped = next_epoch(state.epoch), True
    state.save(update_fields=["epoch", "stopped"])
    order = KillOrder.objects.create(
        number=next_number("registry_kill_number"),
        kind=kind.value,
        key=key,
        label=label,
        reason=reason.strip(),
        ordered_by=actor,
        epoch=state.epoch,
    )
    event = events.KillOrdered(
        order=order.number, kind=kind.value, key=key, label=label, epoch=state.epoch, reason=order.reason
    )
    append(
        event,
        actor=actor_for(actor),
        at=database_now(),
        agent_id=scope_id if kind is ScopeKind.AGENT else None,
    )
    return order


@transaction.atomic(durable=True)
def agree_resume(*, actor: Person, order: KillOrder, reason: str) -> KillOrder:
    """Agree that a stop may end; the second agreement ends it. The epoch rises again: old grants stay dead."""
    _refuse_reason(reason, "resumed")
    state = _lock(order.key)
    order = KillOrder.objects.select_for_update().get(pk=order.pk)
    if order.state != OrderState.ACTIVE.value:
        raise Conflict(f"Stop {order.number} has ended already. Nothing was changed.")
    if not may_stop(authority_of(actor), team_of(order)):
        raise NotAllowed(f"You may not resume {order.label}. Nothing was resumed.")
    agreed = list(order.agreements.values_list("person_id", flat=True))
    refusal = may_agree(actor.pk, ordered_by=order.ordered_by_id, agreed=agreed)
    if refusal:
        raise NotAllowed(f"{refusal} Nothing was resumed.")
    ResumeAgreement.objects.create(order=order, person=actor, reason=reason.strip())
    agreed.append(actor.pk)
    kind, scope_id = ScopeKind(order.kind), _agent_id(order)
    now = database_now()
    ended = resume_agreed(ordered_by=order.ordered_by_id, agreed=agreed)
    if ended:
        state.epoch, state.stopped = next_epoch(state.epoch), False
        state.save(update_fields=["epoch", "stopped"])
        order.state, order.resumed_at = OrderState.RESUMED.value, now
        order.save(update_fields=["state", "resumed_at"])
    agreement = events.ResumeAgreed(
        order=order.number, key=order.key, agreed=len(agreed), needed=RESUME_QUORUM, reason=reason.strip()
    )
    append(agreement, actor=actor_for(actor), at=now, agent_id=scope_id)
    if ended:
        resumed = events.KillResumed(
            order=order.number,
            kind=kind.value,
            key=order.key,
            label=order.label,
            epoch=state.epoch,
            agreed_by=[str(person) for person in agreed],
        )
        append(resumed, actor=actor_for(actor), at=now, agent_id=scope_id)
    return order


def _refuse_reason(reason: str, done: str) -> None:
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault:
        raise InvalidInput(f"The reason {fault}. Nothing was {done}.", errors=[{"pointer": "/reason", "detail": fault}])


def _lock(key: str) -> KillState:
    # The row may not exist yet: insert first, then lock, so that two first stops meet on one row.
    KillState.objects.bulk_create([KillState(key=key)], ignore_conflicts=True)
    return KillState.objects.select_for_update().get(key=key)


def _place(kind: ScopeKind, scope_id: UUID | None) -> tuple[UUID | None, str]:
    """The team that owns the scope and the scope's name, for the record and the page."""
    if kind is ScopeKind.ALL or scope_id is None:
        return None, "all agents"
    if kind is ScopeKind.TEAM:
        team = Team.objects.filter(pk=scope_id).first()
        if team is None:
            raise NotFound("There is no such team. Nothing was stopped.")
        return team.pk, f"team {team.name}"
    agent = Agent.objects.filter(pk=scope_id).first()
    if agent is None:
        raise NotFound("There is no such agent. Nothing was stopped.")
    return agent.owner_team_id, agent.name


def _agent_id(order: KillOrder) -> UUID | None:
    return UUID(order.key.partition(":")[2]) if order.kind == ScopeKind.AGENT.value else None
