"""The life of a backtest: asked for, taken up, told about, finished, failed, given up. The result goes to the proposal.

Whoever works on it is known by the number of its attempt, so that one which was believed lost and comes back
finds that its attempt is over. Progress is written in statements of its own; nothing waits for it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from approvals.models import Backtest
from approvals.rules.backtest import BacktestState, is_under_way
from portal.errors import Conflict, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from registry.models import PolicyProposal, ProposalState
from registry.selectors.policies import Subject, may_decide
from registry.services.proposals import attach_backtest, report_progress

MOST_ATTEMPTS = 3


def queue_backtest(*, proposal_id: UUID) -> None:
    """Note that a new proposal is to be replayed; a no-op when that is noted. Joins the caller's transaction."""
    Backtest.objects.get_or_create(proposal_id=proposal_id)


def may_run(person: Person, proposal: PolicyProposal) -> bool:
    """Its author, and everyone entitled to decide it (the managers and security), may have it replayed again."""
    return proposal.author_id == person.pk or may_decide(authority_of(person), Subject.of(proposal))


@transaction.atomic(durable=True)
def run_again(*, actor: Person, proposal: PolicyProposal) -> Backtest:
    """Queue the backtest once more. Raises NotAllowed, Conflict for a settled proposal or one under way."""
    if not may_run(actor, proposal):
        raise NotAllowed("Only its author and those who may decide it run the backtest again. Nothing was started.")
    Backtest.objects.get_or_create(proposal=proposal)
    job = Backtest.objects.select_for_update(of=("self",)).select_related("proposal").get(proposal=proposal)
    if job.proposal.state != ProposalState.OPEN.value:
        raise Conflict(
            f"{job.proposal.label} is {job.proposal.state}; there is nothing left to test. Nothing was started."
        )
    now = database_now()
    if job.attempt and _busy(job, now):
        raise Conflict(f"The backtest of {job.proposal.label} is under way already. Wait for its result.")
    job.requested_by = actor
    _requeue(job, now)
    return job


@transaction.atomic(durable=True)
def claim(*, proposal_id: UUID) -> Backtest | None:
    """Take a queued backtest up; None when it is not there to take. One of a settled proposal is given up."""
    job = _lock(proposal_id)
    if job is None or job.state != BacktestState.QUEUED.value:
        return None
    now = database_now()
    if job.proposal.state != ProposalState.OPEN.value:
        _end(job, BacktestState.CANCELLED, now, f"{job.proposal.label} is {job.proposal.state}.")
        return None
    job.state, job.attempt = BacktestState.RUNNING.value, job.attempt + 1
    job.started_at = job.heartbeat_at = now
    job.done, job.total, job.reason, job.ended_at = 0, 0, "", None
    job.save()
    return job


def beat(*, proposal_id: UUID, attempt: int, done: int, total: int) -> bool:
    """Say how far it is. False when nobody wants it any more: settled, or given to another attempt."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_backtest b SET heartbeat_at = clock_timestamp(), done = %s, total = %s"
            " FROM registry_policyproposal p WHERE p.id = b.proposal_id AND p.state = 'open'"
            " AND b.proposal_id = %s AND b.state = 'running' AND b.attempt = %s",
            [done, total, proposal_id, attempt],
        )
        wanted: bool = cursor.rowcount == 1
    if wanted:
        report_progress(proposal_id, done)
    return wanted


def finish(*, proposal_id: UUID, attempt: int, result: dict[str, Any], at: datetime) -> bool:
    """Give the result to the proposal, then close the job. False when nobody wants it any more.

    Two transactions: should the second be lost, the proposal has its result, and the job is merely found lost.
    """
    if not beat(proposal_id=proposal_id, attempt=attempt, done=result["checks"], total=result["checks"]):
        return give_up(proposal_id=proposal_id, attempt=attempt)
    if not attach_backtest(proposal_id=proposal_id, result=result, at=at):
        return give_up(proposal_id=proposal_id, attempt=attempt)
    return _close(proposal_id, attempt, BacktestState.DONE, "")


def fail(*, proposal_id: UUID, attempt: int, reason: str) -> bool:
    """End the job with a reason for people; they may start it again."""
    return _close(proposal_id, attempt, BacktestState.FAILED, reason)


def give_up(*, proposal_id: UUID, attempt: int) -> bool:
    """End the job because its proposal is not open any more; always False."""
    _close(proposal_id, attempt, BacktestState.CANCELLED, "The proposal was settled meanwhile.")
    return False


@transaction.atomic(durable=True)
def rescue(*, proposal_id: UUID, now: datetime) -> bool:
    """Put a job that has nobody behind it back in the queue; True when it should be sent out again."""
    job = _lock(proposal_id)
    if job is None or _busy(job, now) or job.state not in {BacktestState.QUEUED.value, BacktestState.RUNNING.value}:
        return False
    if job.proposal.state != ProposalState.OPEN.value:
        _end(job, BacktestState.CANCELLED, now, f"{job.proposal.label} is {job.proposal.state}.")
        return False
    if job.attempt >= MOST_ATTEMPTS:
        _end(job, BacktestState.FAILED, now, f"It ended without a word {job.attempt} times; the worker's log says why.")
        return False
    _requeue(job, now)
    return True


def _busy(job: Backtest, now: datetime) -> bool:
    return is_under_way(job.state, heartbeat_at=job.heartbeat_at, requested_at=job.requested_at, now=now)


def _lock(proposal_id: UUID) -> Backtest | None:
    jobs = Backtest.objects.select_for_update(of=("self",)).select_related("proposal")
    return jobs.filter(proposal_id=proposal_id).first()


def _requeue(job: Backtest, now: datetime) -> None:
    job.state, job.requested_at, job.reason = BacktestState.QUEUED.value, now, ""
    job.done, job.total, job.started_at, job.heartbeat_at, job.ended_at = 0, 0, None, None, None
    job.save()


@transaction.atomic(durable=True)
def _close(proposal_id: UUID, attempt: int, state: BacktestState, reason: str) -> bool:
    job = _lock(proposal_id)
    if job is None or job.state != BacktestState.RUNNING.value or job.attempt != attempt:
        return False
    _end(job, state, database_now(), reason)
    return True


def _end(job: Backtest, state: BacktestState, now: datetime, reason: str) -> None:
    job.state, job.reason, job.ended_at = state.value, reason, now
    job.save(update_fields=["state", "reason", "ended_at"])
