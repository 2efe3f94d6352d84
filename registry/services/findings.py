"""Findings: noticed once, entered in the record, closed by somebody else with a reason."""

from uuid import UUID

from django.db import IntegrityError, transaction

from portal.errors import Conflict, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.selectors.people import actor_for, authority_of, humans_of
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import record_events as events
from registry.models import Agent, Finding, FindingKind, KillOrder
from registry.selectors.agents import may_stop
from registry.services.profile import refuse_reason


@transaction.atomic
def flag(
    *,
    kind: FindingKind,
    key: str,
    sentence: str,
    agent: Agent | None = None,
    team: Team | None = None,
    order: KillOrder | None = None,
    entry_id: UUID | None = None,
    caused_by: Person | None = None,
) -> Finding | None:
    """Note something that needs somebody; None when ``key`` was noticed before, closed since or not.

    Joins the caller's transaction. Whoever refuses something and flags it must flag after the refusal has
    rolled back, or the finding goes with it.
    """
    now = database_now()
    finding = Finding(
        kind=kind.value,
        key=key,
        sentence=sentence,
        agent=agent,
        team=team if team is not None or agent is None else agent.owner_team,
        order=order,
        entry_id=entry_id,
        caused_by=caused_by,
        noticed_at=now,
    )
    try:
        with transaction.atomic():
            finding.save(force_insert=True)
    except IntegrityError:
        if Finding.objects.filter(key=key).exists():
            return None
        raise
    noticed = events.FindingNoticed(
        finding=finding.pk,
        kind=kind.value,
        key=key,
        team=finding.team_id,
        order=None if order is None else order.number,
        entry=entry_id,
        caused_by=None if caused_by is None else caused_by.pk,
        sentence=sentence,
    )
    append(noticed, actor=SYSTEM, at=now, agent_id=None if agent is None else agent.pk)
    return finding


@transaction.atomic(durable=True)
def close_finding(*, actor: Person, finding: Finding, reason: str) -> Finding:
    """Say that a finding was dealt with. A manager of its team or security does, never who caused it."""
    refuse_reason(reason, "closed")
    locked = Finding.objects.select_for_update(of=("self",)).select_related("agent").filter(pk=finding.pk).first()
    if locked is None:
        raise NotFound("There is no such finding.")
    refusal = close_refusal(actor, locked)
    if refusal:
        raise NotAllowed(f"{refusal} Nothing was closed.")
    if locked.closed_at is not None:
        raise Conflict("This finding was closed already. Nothing was changed.")
    now = database_now()
    locked.closed_by, locked.closed_at, locked.close_reason = actor, now, reason.strip()
    locked.save(update_fields=["closed_by", "closed_at", "close_reason"])
    closed = events.FindingClosed(finding=locked.pk, kind=locked.kind, reason=locked.close_reason)
    append(closed, actor=actor_for(actor), at=now, agent_id=locked.agent_id)
    return locked


def settle_finding(*, key: str, actor: Person, reason: str) -> None:
    """Close what was noticed under ``key``, because what it was about is settled; joins the caller's transaction.

    Who may settle that is decided where it is settled. Without such a finding, or a closed one, nothing happens.
    """
    found = Finding.objects.select_for_update().filter(key=key, closed_at=None).first()
    if found is None:
        return
    now = database_now()
    found.closed_by, found.closed_at, found.close_reason = actor, now, reason.strip()
    found.save(update_fields=["closed_by", "closed_at", "close_reason"])
    closed = events.FindingClosed(finding=found.pk, kind=found.kind, reason=found.close_reason)
    append(closed, actor=actor_for(actor), at=now, agent_id=found.agent_id)


def close_refusal(person: Person, finding: Finding) -> str | None:
    """Why this person may not close the finding, in a sentence, or None; pages say it before the click."""
    team_id = finding.agent.owner_team_id if finding.agent is not None else finding.team_id
    if not may_stop(authority_of(person), team_id):
        return "Only managers of its team and people with the role security close a finding."
    if finding.kind == FindingKind.EXCEPTION_OVERDUE.value:
        return "It is closed with the exception itself, by somebody who looked at its uses."
    if person.human in humans_of([finding.caused_by_id]):
        return "You caused this finding, so somebody else must close it."
    return None
