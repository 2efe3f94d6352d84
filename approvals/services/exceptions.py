"""Exceptions and break-glass: asked for, granted by another person, ended, and closed by somebody else."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from approvals import exception_events as events
from approvals.models import GateException
from approvals.rules.exceptions import (
    MOST_ACTIONS,
    MOST_BREAK_GLASS,
    MOST_MINUTES,
    WORDS,
    ExceptionKind,
    ExceptionState,
    ExceptionStatus,
    may_become,
    review_due,
)
from approvals.rules.reasons import SHORTEST_OF_EXCEPTION, fault_in_reason
from approvals.selectors.exceptions import (
    action_faults,
    ask_refusal,
    close_refusal,
    decide_refusal,
    epoch_of,
    finding_key,
    in_the_way,
    overdue_of,
    recent_break_glass,
    revoke_refusal,
    status_now,
    withdraw_refusal,
)
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.events import SYSTEM, Event, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry.models import Agent, FindingKind
from registry.rules.lifecycle import AgentState
from registry.rules.names import Refused, normalise_repository
from registry.rules.texts import MOST_NAME, fault_in
from registry.selectors.kills import standing_of
from registry.services.findings import flag, settle_finding
from registry.services.locking import lock_agent


@transaction.atomic(durable=True)
def ask(
    *,
    actor: Person,
    agent: Agent,
    kind: ExceptionKind,
    actions: Sequence[str],
    minutes: int,
    reason: str,
    owner: Person | None = None,
    repository: str = "",
    environment: str = "",
) -> GateException:
    """Ask that gated actions of an agent pass without a request for a while; opens nothing until another grants it."""
    agent = Agent.objects.select_related("owner_team").get(pk=agent.pk)
    owner = actor if owner is None else owner
    refused = ask_refusal(actor, agent)
    if refused is not None:
        raise NotAllowed(f"{refused} Nothing was asked.")
    if agent.state != AgentState.ACTIVE.value:
        raise Conflict(f"{agent.name} is {agent.state}, so there is no gate to open. Nothing was asked.")
    keys = list(dict.fromkeys(actions))
    _refuse_faults(
        agent, kind, keys, minutes=minutes, reason=reason, owner=owner, repository=repository, environment=environment
    )
    _refuse_extension(agent, keys, kind, (actor, owner))
    exception = GateException.objects.create(
        number=next_number("approvals_exception_number"),
        kind=kind.value,
        agent=agent,
        actions=keys,
        repository=repository.strip(),
        environment=environment.strip(),
        minutes=minutes,
        reason=reason.strip(),
        owner=owner,
        asked_by=actor,
        asked_at=database_now(),
    )
    event = events.ExceptionAsked(
        exception=exception.number,
        kind=exception.kind,
        actions=keys,
        repository=exception.repository,
        environment=exception.environment,
        minutes=minutes,
        owner=owner.pk,
        reason=exception.reason,
    )
    _append(exception, event, actor)
    return exception


@transaction.atomic(durable=True)
def grant(*, actor: Person, exception: GateException, reason: str) -> GateException:
    """Open the gate: another person does, and everything that was true when it was asked is asked again."""
    exception = _lock(exception)
    _refuse(decide_refusal(actor, exception), "granted")
    _refuse_reason(reason, "granted")
    now = database_now()
    _refuse_move(exception, ExceptionState.GRANTED, now)
    kind, agent = ExceptionKind(exception.kind), lock_agent(exception.agent)
    if agent.state != AgentState.ACTIVE.value or standing_of(agent).stopped_by:
        raise Conflict(f"{agent.name} is not at work: it is stopped or not active. Nothing was granted.")
    if ask_refusal(exception.owner, agent) is not None:
        raise Conflict(f"{exception.owner.name} can no longer own this: not in {agent.owner_team.name} any more.")
    faults = action_faults(agent, kind, exception.actions)
    if faults:
        raise Conflict(f"The policy has changed since it was asked: {faults[0]}. Nothing was granted.")
    # Two grants for one person that race are put in order here, so that both are counted.
    list(
        Person.objects.select_for_update()
        .filter(pk__in=(exception.asked_by_id, exception.owner_id))
        .order_by("pk")
        .values_list("pk")
    )
    _refuse_extension(agent, exception.actions, kind, (exception.asked_by, exception.owner))
    ends_at = now + timedelta(minutes=exception.minutes)
    exception.state = ExceptionState.GRANTED.value
    exception.decided_by, exception.decided_at, exception.decided_reason = actor, now, reason.strip()
    exception.ends_at, exception.review_due_at = ends_at, review_due(kind, granted_at=now, ends_at=ends_at)
    exception.epoch = epoch_of(agent, exception.actions, exception.repository)
    exception.save()
    event = events.ExceptionGranted(
        exception=exception.number,
        kind=exception.kind,
        actions=list(exception.actions),
        repository=exception.repository,
        environment=exception.environment,
        ends_at=instant(ends_at),
        review_due_at=instant(exception.review_due_at),
        epoch=exception.epoch,
        reason=exception.decided_reason,
    )
    _append(exception, event, actor)
    return exception


@transaction.atomic(durable=True)
def refuse(*, actor: Person, exception: GateException, reason: str) -> GateException:
    """Say no; whoever could have granted it does."""
    exception = _lock(exception)
    _refuse(decide_refusal(actor, exception), "refused")
    _refuse_reason(reason, "refused")
    now = database_now()
    _refuse_move(exception, ExceptionState.REFUSED, now)
    exception.state = ExceptionState.REFUSED.value
    exception.decided_by, exception.decided_at, exception.decided_reason = actor, now, reason.strip()
    exception.save(update_fields=["state", "decided_by", "decided_at", "decided_reason"])
    _append(exception, events.ExceptionRefused(exception=exception.number, reason=reason.strip()), actor)
    return exception


@transaction.atomic(durable=True)
def withdraw(*, actor: Person, exception: GateException) -> GateException:
    """Take the question back before anybody has answered."""
    exception = _lock(exception)
    _refuse(withdraw_refusal(actor, exception), "withdrawn")
    _refuse_move(exception, ExceptionState.WITHDRAWN, None)
    exception.state, exception.ended_by, exception.ended_at = ExceptionState.WITHDRAWN.value, actor, database_now()
    exception.save(update_fields=["state", "ended_by", "ended_at"])
    _append(exception, events.ExceptionWithdrawn(exception=exception.number), actor)
    return exception


@transaction.atomic(durable=True)
def revoke(*, actor: Person, exception: GateException, reason: str) -> GateException:
    """Shut the gate before its time. What it was used for still has to be looked at."""
    exception = _lock(exception)
    _refuse(revoke_refusal(actor, exception), "revoked")
    _refuse_reason(reason, "revoked")
    _refuse_move(exception, ExceptionState.REVOKED, None)
    exception.state, exception.ended_by, exception.ended_at = ExceptionState.REVOKED.value, actor, database_now()
    exception.save(update_fields=["state", "ended_by", "ended_at"])
    _append(exception, events.ExceptionRevoked(exception=exception.number, reason=reason.strip()), actor)
    return exception


@transaction.atomic(durable=True)
def close(*, actor: Person, exception: GateException, note: str) -> GateException:
    """Say what was seen of its use, and end the debt: somebody without a part in it or in the calls it let through.

    A gate that still stands open is shut by it.
    """
    exception = _lock(exception)
    _refuse(close_refusal(actor, exception), "closed")
    _refuse_reason(note, "closed", field="note")
    now = database_now()
    _refuse_move(exception, ExceptionState.CLOSED, None)
    late = exception.review_due_at is not None and now >= exception.review_due_at
    exception.state, exception.closed_by, exception.closed_at = ExceptionState.CLOSED.value, actor, now
    exception.closing_note = note.strip()
    exception.save(update_fields=["state", "closed_by", "closed_at", "closing_note"])
    event = events.ExceptionClosed(
        exception=exception.number, uses=exception.uses.count(), late=late, note=exception.closing_note
    )
    _append(exception, event, actor)
    settle_finding(key=finding_key(exception), actor=actor, reason=f"{exception.label} is closed.")
    return exception


@transaction.atomic(durable=True)
def alert_overdue(*, exception: GateException) -> bool:
    """Make a finding of debt that is overdue, once; for the sweep. The check needs no alert to be stricter."""
    exception = _lock(exception)
    now = database_now()
    if status_now(exception, now) is not ExceptionStatus.OVERDUE or exception.review_due_at is None:
        return False
    finding = flag(
        kind=FindingKind.EXCEPTION_OVERDUE,
        key=finding_key(exception),
        sentence=f"Nobody looked at the use of {exception.label} in time, so everything that {exception.agent.name} "
        "does is one tier stricter until somebody who had no part in it closes it.",
        agent=exception.agent,
        caused_by=exception.owner,
    )
    if finding is None:
        return False
    event = events.ExceptionOverdue(exception=exception.number, review_due_at=instant(exception.review_due_at))
    append(event, actor=SYSTEM, at=now, agent_id=exception.agent_id)
    return True


def _refuse_faults(
    agent: Agent,
    kind: ExceptionKind,
    actions: Sequence[str],
    *,
    minutes: int,
    reason: str,
    owner: Person,
    repository: str,
    environment: str,
) -> None:
    most = MOST_MINUTES[kind]
    errors: list[dict[str, str]] = []
    if not actions:
        errors.append(_at("actions", "name at least one action that is gated for this agent"))
    if len(actions) > MOST_ACTIONS:
        errors.append(_at("actions", f"name at most {MOST_ACTIONS} actions; what needs more needs another policy"))
    errors += [_at("actions", fault) for fault in action_faults(agent, kind, actions)]
    if isinstance(minutes, bool) or not 1 <= minutes <= most:
        errors.append(_at("minutes", f"must be 1 to {most} minutes for {WORDS[kind]}"))
    fault = _fault_of_reason(reason)
    if fault:
        errors.append(_at("reason", fault))
    if ask_refusal(owner, agent) is not None:
        errors.append(_at("owner", f"must be somebody of {agent.owner_team.name}, or of security"))
    if repository.strip() and not _is_repository(repository):
        errors.append(_at("repository", "must be the name of one repository, such as acme/payments"))
    environment_fault = fault_in(environment, most=MOST_NAME, required=False)
    if environment_fault:
        errors.append(_at("environment", environment_fault))
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first['pointer'][1:].capitalize()}: {first['detail']}. Nothing was asked.", errors=errors)


def _at(field: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "detail": detail}


def _is_repository(name: str) -> bool:
    try:
        normalise_repository(name.strip())
    except Refused:
        return False
    return not set(name) & set("*?[]")


def _refuse_extension(agent: Agent, actions: Sequence[str], kind: ExceptionKind, people: Sequence[Person]) -> None:
    """An exception that is asked for again and again is a policy that nobody agreed to."""
    open_one = in_the_way(agent, actions)
    if open_one is not None:
        raise Conflict(
            f"{open_one.label} opened the same gate and nobody has closed it. Somebody who had no part in it must look "
            "at its use and close it first; an exception is not extended. Nothing was changed."
        )
    now, humans = database_now(), {person.human for person in people}
    owed = overdue_of(humans, now=now)
    if owed is not None:
        raise Conflict(
            f"{owed.label} is overdue: until somebody else closes it, whoever asked for it or owns it opens no other "
            "gate. Nothing was changed."
        )
    if kind is ExceptionKind.BREAK_GLASS and recent_break_glass(humans, now=now) >= MOST_BREAK_GLASS:
        raise Conflict(
            f"Break-glass was granted {MOST_BREAK_GLASS} times to the same person within 7 days. What is needed again "
            "and again is no emergency: propose a change of the policy, or ask for each action. Nothing was changed."
        )


def _refuse_reason(reason: str, done: str, *, field: str = "reason") -> None:
    fault = _fault_of_reason(reason)
    if fault is not None:
        raise InvalidInput(f"The {field} {fault}. Nothing was {done}.", errors=[_at(field, fault)])


def _fault_of_reason(reason: str) -> str | None:
    return fault_in_reason(reason, least=SHORTEST_OF_EXCEPTION)


def _refuse(refused: str | None, done: str) -> None:
    if refused is not None:
        raise NotAllowed(f"{refused} Nothing was {done}.")


def _refuse_move(exception: GateException, target: ExceptionState, now: datetime | None) -> None:
    if not may_become(ExceptionState(exception.state), target):
        raise InvalidTransition(f"{exception.label} is {exception.state} already. Nothing was changed.")
    if now is not None and status_now(exception, now) is ExceptionStatus.LAPSED:
        raise InvalidTransition(
            f"{exception.label} was asked too long ago to be decided now; it can be asked again. Nothing was changed."
        )


def _lock(exception: GateException) -> GateException:
    """The row held, and then read with what belongs to it as it is after the wait for the lock."""
    GateException.objects.select_for_update().only("pk").filter(pk=exception.pk).first()
    found = (
        GateException.objects.select_related("agent", "agent__owner_team", "owner", "asked_by", "decided_by")
        .filter(pk=exception.pk)
        .first()
    )
    if found is None:
        raise NotFound("The exception is gone.")
    return found


def _append(exception: GateException, event: Event, actor: Person) -> None:
    append(event, actor=actor_for(actor), at=database_now(), agent_id=exception.agent_id)
