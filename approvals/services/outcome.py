"""Outcomes: what became of an action that was let through, as its executor says, or that nobody ever said."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from approvals.events import OutcomeRecorded
from approvals.models import Grant
from approvals.rules.workflow import GrantOutcome, GrantState
from portal.errors import Conflict, NotFound
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

# Who said it.
EXECUTOR = "executor"
REPORT = "report"
SILENCE = "silence"
# How long an executor may take to say; an agent's longest command takes ten minutes.
SILENT_AFTER = timedelta(minutes=15)
# Nothing was said yet, or the clock gave up waiting: whoever knows may still say.
OPEN = frozenset({"", GrantOutcome.UNKNOWN.value})


@transaction.atomic(durable=True)
def report_outcome(*, actor: Actor, agent_id: UUID, grant_id: UUID, outcome: GrantOutcome) -> Grant:
    """The executor says how the action ended. What it said before stays; silence can still be broken.

    Raises NotFound for a grant of another agent, Conflict (409) for one that was not redeemed, or of which another
    outcome is known.
    """
    grant = _locked(grant_id)
    if grant is not None and grant.agent_id != agent_id:
        grant = None
    if grant is None:
        raise NotFound("This agent has no such grant. Nothing was recorded.")
    if grant.state != GrantState.REDEEMED.value:
        raise Conflict(f"The grant is {grant.state}: nothing was let through by it. Nothing was recorded.")
    if grant.outcome == outcome.value:
        return grant
    if grant.outcome not in OPEN:
        raise Conflict(f"The outcome is known already: {grant.outcome}. Nothing was changed.")
    _set(grant, outcome, source=EXECUTOR, by=actor)
    return grant


def take_report(*, grant_id: UUID, outcome: GrantOutcome) -> bool:
    """What a source reported of the call that a grant was redeemed for; inside the follower's transaction.

    Whether it was news: a report that comes twice, or after the executor has said, changes nothing.
    """
    grant = _locked(grant_id)
    if grant is None or grant.state != GrantState.REDEEMED.value or grant.outcome not in OPEN:
        return False
    _set(grant, outcome, source=REPORT, by=Actor("agent", str(grant.agent_id), grant.agent.name))
    return True


@transaction.atomic(durable=True)
def give_up_waiting(*, grant_id: UUID) -> bool:
    """Write down that whoever made the call never said how it ended; for the sweep."""
    grant = _locked(grant_id)
    if grant is None or grant.outcome or grant.redeemed_at is None:
        return False
    if database_now() < grant.redeemed_at + SILENT_AFTER:
        return False
    _set(grant, GrantOutcome.UNKNOWN, source=SILENCE, by=SYSTEM)
    return True


def _locked(grant_id: UUID) -> Grant | None:
    rows = Grant.objects.select_for_update(of=("self",)).select_related("request", "agent")
    return rows.filter(pk=grant_id).first()


def _set(grant: Grant, outcome: GrantOutcome, *, source: str, by: Actor) -> None:
    now = database_now()
    grant.outcome, grant.outcome_at = outcome.value, now
    grant.save(update_fields=["outcome", "outcome_at"])
    event = OutcomeRecorded(
        request=grant.request.number,
        grant=grant.pk,
        digest=bytes(grant.digest).hex(),
        outcome=outcome.value,
        source=source,
    )
    append(event, actor=by, at=now, agent_id=grant.agent_id, run_id=grant.request.run_id)
