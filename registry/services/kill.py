"""The kill switch: one person stops a scope at once, two others bring it back."""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person, Team
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append, append_many
from portal.ledger.services.numbers import next_number
from registry import events
from registry.models import Agent, Credential, KillOrder, KillState, ResumeAgreement
from registry.rules.kill import (
    RESUME_QUORUM,
    OrderState,
    Scope,
    ScopeKind,
    epoch_after_transfer,
    may_agree,
    next_epoch,
    resume_agreed,
    scope_key,
)
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.agents import may_stop
from registry.selectors.kills import human_that_ordered, humans_that_agreed, team_of
from registry.selectors.points import progress_of
from registry.selectors.stop_targets import StopTarget, agents_in, target_of
from registry.selectors.stops import worst_now
from registry.services.stopfile import publish_after_commit

log = logging.getLogger(__name__)

# Credentials belong to agents: a stop of a run, an action or a repository leaves the agent its other work.
WITH_CREDENTIALS = frozenset({ScopeKind.ALL, ScopeKind.TEAM, ScopeKind.AGENT})


@transaction.atomic(durable=True)
def order_kill(
    *, actor: Person, kind: ScopeKind, scope_id: Scope, reason: str, revoke_credentials: bool = False
) -> KillOrder:
    """Stop a scope. When it is stopped already, the order in force is returned: stopping twice is no error.

    Security stops anything; a team's managers stop their team, its agents and their runs. The stop stands even
    when the ledger takes no entry: then ``recorded`` is False and ``enter_unrecorded`` writes it later.
    """
    _refuse_reason(reason, "stopped")
    if kind is ScopeKind.DRILL:
        raise InvalidInput("A drill is ordered on the page of drills. Nothing was stopped.")
    if revoke_credentials and kind not in WITH_CREDENTIALS:
        raise InvalidInput(
            f"A stop of one {kind.value} revokes no credentials; stop the agent instead. Nothing was stopped.",
            errors=[{"pointer": "/revoke_credentials", "detail": "is possible for all, a team or an agent"}],
        )
    target = target_of(kind, scope_id)
    if not may_stop(authority_of(actor), target.team_id):
        raise NotAllowed(f"You may not stop {target.label}. Nothing was stopped.")
    return put_in_force(actor=actor, target=target, reason=reason, revoke_credentials=revoke_credentials)


def put_in_force(
    *, actor: Person | None, target: StopTarget, reason: str, revoke_credentials: bool = False
) -> KillOrder:
    """Make the stop true, in the caller's transaction. Asks nobody's right: whoever calls has done so.

    ``actor`` is None for a drill that the schedule ordered.
    """
    worst = worst_now(target)
    state = _lock(target.key)
    now = database_now()
    if state.stopped:
        order = KillOrder.objects.get(key=target.key, state=OrderState.ACTIVE.value)
        if revoke_credentials and actor is not None:
            append_many(_revoke(order, target, actor, now))
            order.save(update_fields=["credentials_revoked"])
        return order
    state.epoch, state.stopped = next_epoch(state.epoch), True
    state.save(update_fields=["epoch", "stopped"])
    order = KillOrder(
        number=next_number("registry_kill_number"),
        kind=target.kind.value,
        key=target.key,
        label=target.label,
        agent=target.agent,
        reason=reason.strip(),
        ordered_by=actor,
        ordered_at=now,
        epoch=state.epoch,
        authority={} if actor is None else authority_of(actor).snapshot(),
        worst_seconds=worst.seconds,
        worst_because=worst.because,
    )
    revoked = _revoke(order, target, actor, now) if revoke_credentials and actor is not None else []
    order.save(force_insert=True)
    publish_after_commit()
    if not _entered([_ordered(order), *revoked]):
        order.recorded = False
        order.save(update_fields=["recorded"])
    return order


@transaction.atomic(durable=True)
def agree_resume(*, actor: Person, order: KillOrder, reason: str) -> KillOrder:
    """Agree that a stop may end; the second agreement ends it. The epoch rises again: old grants stay dead."""
    _refuse_reason(reason, "resumed")
    state = _lock(order.key)
    order = KillOrder.objects.select_for_update(of=("self",)).select_related("agent").get(pk=order.pk)
    if order.state != OrderState.ACTIVE.value:
        raise Conflict(f"Stop {order.number} has ended already. Nothing was changed.")
    if order.kind == ScopeKind.DRILL.value:
        raise Conflict("A drill ends by itself once it is measured. Nothing was changed.")
    if not may_stop(authority_of(actor), team_of(order)):
        raise NotAllowed(f"You may not resume {order.label}. Nothing was resumed.")
    refusal = may_agree(actor.human, ordered_by=human_that_ordered(order), agreed=humans_that_agreed(order))
    if refusal:
        raise NotAllowed(f"{refusal} Nothing was resumed.")
    ResumeAgreement.objects.create(order=order, person=actor, reason=reason.strip())
    entitled = _still_entitled(order)
    agreed = {one.human for one in entitled}
    agreement = events.ResumeAgreed(
        order=order.number, key=order.key, agreed=len(agreed), needed=RESUME_QUORUM, reason=reason.strip()
    )
    append(agreement, actor=actor_for(actor), at=database_now(), agent_id=order.agent_id)
    if resume_agreed(ordered_by=human_that_ordered(order), agreed=agreed):
        lift(actor=actor, order=order, state=state, agreed_by=[one.pk for one in entitled])
    return order


def _still_entitled(order: KillOrder) -> list[Person]:
    """Who agreed and still may: whoever has left, or lost the right, ends no stop any more."""
    team = team_of(order)
    agreements = order.agreements.select_related("person")
    return [one.person for one in agreements if may_stop(authority_of(one.person), team)]


def lift(*, actor: Person | None, order: KillOrder, agreed_by: Sequence[UUID], state: KillState | None = None) -> None:
    """End the stop, in the caller's transaction. Asks nobody's right: whoever calls has done so."""
    state = state or _lock(order.key)
    now = database_now()
    out = len(progress_of(order, now=now).out)
    state.epoch, state.stopped = next_epoch(state.epoch), False
    state.save(update_fields=["epoch", "stopped"])
    order.state, order.resumed_at = OrderState.RESUMED.value, now
    order.save(update_fields=["state", "resumed_at"])
    publish_after_commit()
    resumed = events.KillResumed(
        order=order.number,
        kind=order.kind,
        key=order.key,
        label=order.label,
        epoch=state.epoch,
        agreed_by=[str(person) for person in agreed_by],
        still_out=out,
    )
    append(resumed, actor=_by(actor), at=now, agent_id=order.agent_id)


def enter_unrecorded() -> int:
    """Enter the stops whose entries could not be written when they were ordered; returns how many are in now."""
    entered = 0
    for order_id in KillOrder.objects.filter(recorded=False).order_by("number").values_list("pk", flat=True):
        entered += _enter(order_id)
    return entered


@transaction.atomic(durable=True)
def _enter(order_id: UUID) -> int:
    order = KillOrder.objects.select_for_update(of=("self",)).select_related("ordered_by").get(pk=order_id)
    if order.recorded:
        return 0
    now = database_now()
    by = _by(order.ordered_by)
    drafts = [_ordered(order, late_at=now)]
    # What was revoked with the stop bears the stop's own time.
    revoked = Credential.objects.filter(revoked_at=order.ordered_at).order_by("id")
    drafts += [_revoked(credential, by, now, occurred_at=order.ordered_at) for credential in revoked]
    order.recorded = True
    order.save(update_fields=["recorded"])
    append_many(drafts)
    return 1


def carry_epoch(*, agent: Agent, from_team: Team, to_team: Team) -> None:
    """Raise the agent's own epoch when it changes team, so that its combined epoch still only grows.

    In the transaction of the transfer. Raises Conflict while the old team is stopped: a transfer is not a way
    out of a stop that two people must end.
    """
    keys = {
        "agent": scope_key(ScopeKind.AGENT, agent.pk),
        "old": scope_key(ScopeKind.TEAM, from_team.pk),
        "new": scope_key(ScopeKind.TEAM, to_team.pk),
    }
    states = {key: _lock(key) for key in sorted(keys.values())}
    old, new, own = states[keys["old"]], states[keys["new"]], states[keys["agent"]]
    if old.stopped and from_team.pk != to_team.pk:
        raise Conflict(
            f"Team {from_team.name} is stopped, and {agent.name} would leave the stop by leaving the team. "
            "Resume the team first. Nothing was moved."
        )
    own.epoch = epoch_after_transfer(agent_epoch=own.epoch, old_team_epoch=old.epoch, new_team_epoch=new.epoch)
    own.save(update_fields=["epoch"])


def _entered(drafts: Sequence[Draft]) -> bool:
    """Write the entries; False when they cannot be written, which does not keep the stop from standing."""
    try:
        with transaction.atomic():
            append_many(drafts)
    except Exception:
        log.critical("A stop is in force and its entry could not be written. It is entered later.", exc_info=True)
        return False
    return True


def _ordered(order: KillOrder, *, late_at: datetime | None = None) -> Draft:
    event = events.KillOrdered(
        order=order.number,
        kind=order.kind,
        key=order.key,
        label=order.label,
        epoch=order.epoch,
        worst_seconds=order.worst_seconds,
        worst_because=order.worst_because,
        roles=list(order.authority.get("roles", [])),
        credentials_revoked=order.credentials_revoked,
        late=late_at is not None,
        reason=order.reason,
    )
    return Draft(
        event=event,
        actor=_by(order.ordered_by),
        at=late_at or order.ordered_at,
        occurred_at=order.ordered_at,
        agent_id=order.agent_id,
    )


def _revoke(order: KillOrder, target: StopTarget, actor: Person, now: datetime) -> list[Draft]:
    """End every credential in scope that is not revoked, count them on the order; returns their entries to be."""
    found = Credential.objects.filter(agent__in=agents_in(target), revoked_at=None)
    locked = list(found.select_for_update(of=("self",)).order_by("id"))
    Credential.objects.filter(pk__in=[credential.pk for credential in locked]).update(revoked_at=now)
    order.credentials_revoked += len(locked)
    by = actor_for(actor)
    return [_revoked(credential, by, now) for credential in locked]


def _revoked(credential: Credential, by: Actor, at: datetime, *, occurred_at: datetime | None = None) -> Draft:
    event = events.CredentialRevoked(credential=credential.pk, name=credential.name, prefix=credential.prefix)
    return Draft(event=event, actor=by, at=at, occurred_at=occurred_at, agent_id=credential.agent_id)


def _by(person: Person | None) -> Actor:
    """Who ordered it; the portal itself for a drill of the schedule."""
    return SYSTEM if person is None else actor_for(person)


def _refuse_reason(reason: str, done: str) -> None:
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault:
        raise InvalidInput(f"The reason {fault}. Nothing was {done}.", errors=[{"pointer": "/reason", "detail": fault}])


def _lock(key: str) -> KillState:
    # The row may not exist yet: insert first, then lock, so that two first stops meet on one row.
    KillState.objects.bulk_create([KillState(key=key)], ignore_conflicts=True)
    return KillState.objects.select_for_update().get(key=key)
