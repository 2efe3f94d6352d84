"""Drills: a rehearsed stop is planned, consented to, started, measured, and ended by itself.

A drill has a kill key of its own (``drill:<agent>``), which nobody else orders or resumes. A real stop that is
ordered meanwhile has another key, and stays in force when the drill ends.
"""

from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from portal.errors import Conflict, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.events import SYSTEM, Actor, Event
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry import drill_events as events
from registry.models import Agent, Drill, DrillState
from registry.rules.drill import CONSENT_DAYS, LIMIT_SECONDS, Verdict, judge
from registry.rules.lifecycle import AgentState
from registry.selectors.drills import due_canaries, may_consent, may_order, observed, ready_drills, waits_for_consent
from registry.selectors.kills import standing_of
from registry.selectors.stop_targets import of_drill
from registry.selectors.stops import worst_now
from registry.services.kill import lift, put_in_force
from registry.services.lease import note_ended_leases


@transaction.atomic(durable=True)
def plan_drill(*, actor: Person | None, agent: Agent) -> Drill:
    """Ask for a drill. On a canary it starts at once; on a real agent who answers for it must consent first.

    ``actor`` is None when the schedule asks, which it does for canaries alone.
    """
    agent = Agent.objects.select_related("owner_team").get(pk=agent.pk)
    if actor is None and not agent.canary:
        raise NotAllowed("The schedule drills canaries alone. Nothing was planned.")
    if actor is not None and not may_order(actor, agent):
        raise NotAllowed(
            f"Only managers of {agent.owner_team.name} and security ask for a drill on {agent.name}. "
            "Nothing was planned."
        )
    if agent.state != AgentState.ACTIVE.value:
        raise Conflict(f"{agent.name} is {agent.state}, so there is nothing to stop. Nothing was planned.")
    try:
        with transaction.atomic():
            drill = Drill.objects.create(
                number=next_number("registry_drill_number"), agent=agent, ordered_by=actor, planned_at=database_now()
            )
    except IntegrityError as error:
        raise Conflict(f"A drill on {agent.name} is open already. Nothing was planned.") from error
    planned = events.DrillPlanned(
        drill=drill.number, drill_id=drill.pk, agent_name=agent.name, canary=agent.canary, scheduled=actor is None
    )
    _append(drill, planned, SYSTEM if actor is None else actor_for(actor))
    return drill


@transaction.atomic(durable=True)
def consent_to_drill(*, actor: Person, drill: Drill) -> Drill:
    """Agree that the agent is stopped for up to ``LIMIT_SECONDS``: who answers for it, or their deputy."""
    drill = _lock(drill.pk)
    if not may_consent(actor, drill):
        raise NotAllowed(
            f"Only who answers for {drill.agent.name}, or their deputy, consents to a drill on it. Nothing was started."
        )
    if not waits_for_consent(drill):
        raise Conflict(f"Drill {drill.number} does not wait for consent. Nothing was changed.")
    drill.consent_by = actor
    drill.save(update_fields=["consent_by"])
    consented = events.DrillConsented(drill=drill.number, drill_id=drill.pk, limit_seconds=LIMIT_SECONDS)
    _append(drill, consented, actor_for(actor))
    return drill


@transaction.atomic(durable=True)
def cancel_drill(*, actor: Person, drill: Drill, reason: str = "") -> Drill:
    """Take back a drill that has not begun: who could have asked for it, or who was to consent."""
    drill = _lock(drill.pk)
    if not (may_order(actor, drill.agent) or may_consent(actor, drill)):
        raise NotAllowed(f"You may not cancel a drill on {drill.agent.name}. Nothing was changed.")
    if drill.state != DrillState.WAITING.value:
        raise Conflict(f"Drill {drill.number} has begun or ended already. Nothing was changed.")
    _cancel(drill, f"{actor.name} cancelled it before it began.", actor_for(actor), reason=reason.strip() or None)
    return drill


@transaction.atomic(durable=True)
def start_drill(*, drill_id: UUID) -> Drill | None:
    """Order the stop of a drill that is ready. None when it is not, or has been started by another process.

    A stop that is in force already would be measured as the drill's own work, so then the drill is cancelled.
    """
    drill = _lock(drill_id)
    if drill.state != DrillState.WAITING.value or waits_for_consent(drill):
        return None
    if drill.agent.state != AgentState.ACTIVE.value:
        _cancel(drill, f"{drill.agent.name} was {drill.agent.state} when the drill was to begin.", SYSTEM)
        return None
    if standing_of(drill.agent).stopped_by:
        _cancel(drill, f"{drill.agent.name} was stopped already when the drill was to begin.", SYSTEM)
        return None
    target = of_drill(drill.agent)
    worst = worst_now(target)
    by = drill.consent_by or drill.ordered_by
    order = put_in_force(actor=by, target=target, reason=f"Drill {drill.number}. It ends by itself.")
    drill.order, drill.state, drill.started_at = order, DrillState.RUNNING.value, order.ordered_at
    drill.promised_ms = None if worst.seconds is None else worst.seconds * 1000
    drill.save(update_fields=["order", "state", "started_at", "promised_ms"])
    started = events.DrillStarted(
        drill=drill.number,
        drill_id=drill.pk,
        order=order.number,
        promised_ms=drill.promised_ms,
        limit_seconds=LIMIT_SECONDS,
    )
    _append(drill, started, SYSTEM)
    return drill


def finish_drill(*, drill_id: UUID, way: str | None = None) -> Drill:
    """Measure, lift the drill's own stop, and keep the result. Finishing twice changes nothing.

    ``way`` is how a canary's enforcement point asked: over HTTP, or in process.
    """
    note_ended_leases()
    return _finish(drill_id, way)


@transaction.atomic(durable=True)
def _finish(drill_id: UUID, way: str | None) -> Drill:
    drill = _lock(drill_id)
    if drill.state != DrillState.RUNNING.value or drill.order is None:
        return drill
    seen = observed(drill.order)
    verdict = judge(seen, promised_ms=drill.promised_ms)
    lift(actor=drill.consent_by or drill.ordered_by, order=drill.order, agreed_by=[])
    drill.state, drill.ended_at = _state(verdict).value, database_now()
    drill.measured_ms = verdict.measured_ms
    drill.outcome = verdict.sentence if way is None else f"{verdict.sentence} Asked {way}."
    drill.save(update_fields=["state", "ended_at", "measured_ms", "outcome"])
    ended = events.DrillEnded(
        drill=drill.number,
        drill_id=drill.pk,
        order=drill.order.number,
        state=drill.state,
        promised_ms=drill.promised_ms,
        measured_ms=drill.measured_ms,
        first_refused_ms=seen.refused,
        points=len(seen.points),
        points_out=seen.out,
        way=way,
    )
    _append(drill, ended, SYSTEM)
    return drill


def sweep_drills() -> list[UUID]:
    """Plan what the schedule owes, end what is past its limit, and return the drills that can start.

    Whatever started a drill may be gone: its end does not rest on it.
    """
    now = database_now()
    late = Drill.objects.filter(
        state=DrillState.RUNNING.value, started_at__lt=now - timedelta(seconds=LIMIT_SECONDS)
    ).values_list("pk", flat=True)
    for drill_id in list(late):
        finish_drill(drill_id=drill_id)
    waited = Drill.objects.filter(
        state=DrillState.WAITING.value, consent_by=None, planned_at__lt=now - timedelta(days=CONSENT_DAYS)
    ).values_list("pk", flat=True)
    for drill_id in list(waited):
        _lapse(drill_id)
    for agent in due_canaries(now=now):
        try:
            plan_drill(actor=None, agent=agent)
        except Conflict:
            continue  # another beat was quicker
    return list(ready_drills().values_list("pk", flat=True))


@transaction.atomic(durable=True)
def _lapse(drill_id: UUID) -> None:
    drill = _lock(drill_id)
    if waits_for_consent(drill):
        _cancel(drill, f"Nobody consented within {CONSENT_DAYS} days.", SYSTEM)


def _cancel(drill: Drill, because: str, actor: Actor, *, reason: str | None = None) -> None:
    drill.state, drill.ended_at, drill.outcome = DrillState.CANCELLED.value, database_now(), because
    drill.save(update_fields=["state", "ended_at", "outcome"])
    ended = events.DrillEnded(
        drill=drill.number,
        drill_id=drill.pk,
        order=None,
        state=drill.state,
        promised_ms=None,
        measured_ms=None,
        first_refused_ms=None,
        points=0,
        points_out=0,
        reason=reason,
    )
    _append(drill, ended, actor)


def _state(verdict: Verdict) -> DrillState:
    if verdict.passed is None:
        return DrillState.CANCELLED
    return DrillState.PASSED if verdict.passed else DrillState.FAILED


def _append(drill: Drill, event: Event, actor: Actor) -> None:
    append(event, actor=actor, at=database_now(), agent_id=drill.agent_id)


def _lock(drill_id: UUID) -> Drill:
    locked = (
        Drill.objects.select_for_update(of=("self",))
        .select_related("agent", "agent__owner_team", "ordered_by", "consent_by", "order", "order__agent")
        .filter(pk=drill_id)
        .first()
    )
    if locked is None:
        raise NotFound("The drill is gone.")
    return locked
