"""Running backtests: the recorded checks of 90 days are asked again, under what is in force and what is proposed."""

import logging
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models.functions import Lower
from kombu.exceptions import OperationalError

from approvals.jobs.replay_pool import BEAT_SECONDS, ReplayFailed, replay
from approvals.jobs.replay_work import tally_of
from approvals.models import ApprovalRequest, Backtest
from approvals.rules.backtest import WINDOW, BacktestState
from approvals.rules.replay import Counts, Tally, spread
from approvals.selectors.recorded import Window, chunks_of
from approvals.services.backtest import beat, claim, fail, finish, give_up, queue_backtest, rescue
from portal.errors import PortalError
from portal.identity.models import Person
from portal.ledger.events import instant
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, PolicyLevel, PolicyProposal
from registry.rules.lifecycle import AgentState
from registry.selectors.proposals import basis_of

# By name: the task is part of the wiring, which no app imports.
RUN = "portal.tasks.run_backtest"
_log = logging.getLogger(__name__)


def follow_proposals(entries: Sequence[Entry]) -> None:
    """Queue the backtest of each new proposal, and have it run once that is on record."""
    for entry in entries:
        proposal_id = UUID(entry.body["data"]["proposal_id"])
        queue_backtest(proposal_id=proposal_id)
        transaction.on_commit(partial(send, proposal_id))


def send(proposal_id: UUID) -> None:
    """Have a worker run it. When no message gets through, the sweep finds the queued row and sends it again."""
    try:
        current_app.send_task(RUN, args=[str(proposal_id)])
    except OperationalError:
        _log.warning("The backtest of proposal %s waits for the sweep: the queue cannot be reached.", proposal_id)


def requeue_lost(now: datetime | None = None) -> None:
    """Send out again what waits or runs with nobody behind it."""
    now = now or database_now()
    waiting = Backtest.objects.filter(state__in=[BacktestState.QUEUED.value, BacktestState.RUNNING.value])
    for proposal_id in waiting.values_list("proposal_id", flat=True):
        if rescue(proposal_id=proposal_id, now=now):
            send(proposal_id)


def run_backtest(proposal_id: str | UUID) -> None:
    """Take the backtest up and see it through; what the task does. May run twice."""
    job = claim(proposal_id=UUID(str(proposal_id)))
    if job is None:
        return
    try:
        _run(job)
    except ReplayFailed as error:
        fail(proposal_id=job.pk, attempt=job.attempt, reason=str(error))
    except Exception as error:  # noqa: BLE001 (the job must end with a reason, whatever happened)
        _log.exception("The backtest of proposal %s failed.", job.pk)
        words = error.detail if isinstance(error, PortalError) else f"{type(error).__name__}, see the worker's log"
        fail(proposal_id=job.pk, attempt=job.attempt, reason=f"A fault of the portal ended it: {words}.")


def _run(job: Backtest) -> None:
    proposal = PolicyProposal.objects.select_related("agent__owner_team", "team").get(pk=job.pk)
    now = database_now()
    agents = _agents(proposal)
    # Before the checks are read: should a policy change meanwhile, the result is known to be stale.
    basis, bases = basis_of(proposal), bases_of(agents)
    window = Window(tuple(agent.pk for agent in agents), now - WINDOW, now)
    chunks = chunks_of(window)
    total = sum(chunk.size for chunk in chunks)
    if not beat(proposal_id=job.pk, attempt=job.attempt, done=0, total=total):
        give_up(proposal_id=job.pk, attempt=job.attempt)
        return
    task = {
        "kind": "backtest",
        "proposal": str(proposal.pk),
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "bases": bases,
    }
    tally, done, told = Tally(), 0, monotonic()
    with closing(replay(task, chunks)) as found:
        for counted in found:
            if counted is not None:
                done += counted[0]
                tally.add(tally_of(counted[1]))
            if counted is None or monotonic() - told >= BEAT_SECONDS:
                told = monotonic()
                if not beat(proposal_id=job.pk, attempt=job.attempt, done=done, total=total):
                    give_up(proposal_id=job.pk, attempt=job.attempt)
                    return
    result = _result(window, agents, tally, basis)
    finish(proposal_id=job.pk, attempt=job.attempt, result=result, at=database_now())


def _agents(proposal: PolicyProposal) -> list[Agent]:
    """The agents that the proposal would bind: one, a team's, or all that ever had a policy."""
    agents = Agent.objects.exclude(revision=None).select_related("owner_team").order_by("pk")
    if proposal.agent_id is not None:
        return list(agents.filter(pk=proposal.agent_id))
    agents = agents.exclude(state=AgentState.RETIRED.value)
    return list(agents.filter(owner_team=proposal.team_id) if proposal.team_id is not None else agents)


def bases_of(agents: Sequence[Agent]) -> dict[str, list[str | None]]:
    """The revisions each agent's questions rest on now, as ids."""
    levels = dict(PolicyLevel.objects.values_list("key", "revision_id"))
    text = {key: str(revision) for key, revision in levels.items()}
    return {
        str(agent.pk): [text.get("organisation"), text.get(f"team:{agent.owner_team_id}"), str(agent.revision_id)]
        for agent in agents
    }


def _result(window: Window, agents: Sequence[Agent], tally: Tally, basis: dict[str, str | None]) -> dict[str, Any]:
    """The document that is kept with the proposal, and sealed: ids and counts, and nothing personal."""
    teams: dict[str, Counts] = {}
    by_slug: dict[str, Counts] = {}
    for agent in agents:
        counts = tally.agents.get(str(agent.pk))
        if counts is not None:
            teams[agent.owner_team.name] = teams.get(agent.owner_team.name, Counts()).plus(counts)
            by_slug[agent.slug] = counts
    total = tally.total
    return {
        "from": instant(window.start),
        "to": instant(window.end),
        "checks": sum(total),
        "replayed": sum(total) - total.unreadable,
        "unreadable": total.unreadable,
        "counts": {change: count for change, count in _counted(total).items() if change != "unreadable"},
        "teams": {name: _counted(counts) for name, counts in sorted(teams.items())},
        "agents": {slug: _counted(counts) for slug, counts in sorted(by_slug.items())},
        "examples": [{"entry": entry, "change": change} for entry, change in spread(tally.examples)],
        "initiators": _people(window, tally.initiators),
        "basis": basis,
    }


def _counted(counts: Counts) -> dict[str, int]:
    return counts._asdict()


def _people(window: Window, stated: set[str]) -> list[str]:
    """Who started work of these agents in the window: as stated with the checks, and as the requests say."""
    wanted = {text.lower() for text in stated}
    named = Person.objects.annotate(address=Lower("email")).filter(address__in=wanted).values_list("pk", flat=True)
    asked = ApprovalRequest.objects.filter(
        agent__in=window.agents, opened_at__gte=window.start, opened_at__lt=window.end, initiator__isnull=False
    ).values_list("initiator_id", flat=True)
    return sorted({str(person) for person in (*named, *asked.order_by().distinct())})
