"""Counting granted against used: every night for all agents, and for one when somebody asks."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from uuid import UUID

from celery import current_app

from approvals.jobs.backtest import bases_of
from approvals.jobs.replay_pool import replay
from approvals.jobs.replay_work import used_of
from approvals.rules.backtest import WINDOW
from approvals.rules.usage import Used, merge
from approvals.selectors.recorded import Window, chunks_of
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.lifecycle import AgentState
from registry.rules.recertification import TIERS, Granted, entries_of
from registry.selectors.policies import catalogue_in_force
from registry.services.usage import Use, store_usage

# By name: the task is part of the wiring, which no app imports.
COUNT = "portal.tasks.count_use"
# The counts of so many agents are held at once.
_TOGETHER = 200


def send(agent_id: UUID) -> None:
    """Have one agent's use counted soon."""
    current_app.send_task(COUNT, args=[str(agent_id)])


def count_all(now: datetime | None = None) -> int:
    """Count the use of every agent that is or may become active again; how many there were."""
    agents = Agent.objects.exclude(revision=None).exclude(state=AgentState.RETIRED.value)
    wanted = list(agents.select_related("revision").order_by("pk"))
    for first in range(0, len(wanted), _TOGETHER):
        _count(wanted[first : first + _TOGETHER], now or database_now())
    return len(wanted)


def count_one(agent_id: UUID, now: datetime | None = None) -> None:
    """Count the use of one agent. A draft has no policy in force, so nothing was granted."""
    wanted = Agent.objects.exclude(revision=None).select_related("revision").filter(pk=agent_id)
    _count(list(wanted), now or database_now())


def _count(agents: Sequence[Agent], now: datetime) -> None:
    window = Window(tuple(agent.pk for agent in agents), now - WINDOW, now)
    task = {
        "kind": "use",
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "bases": bases_of(agents),
    }
    used: Used = {}
    with closing(replay(task, chunks_of(window))) as found:
        for counted in found:
            if counted is not None:
                merge(used, used_of(counted[1]))
    # Actions are counted by what was done, so that no use of one is known whatever its tier was.
    idle = {Granted(TIERS, key): Use(0, None) for key in catalogue_in_force()}
    for agent in agents:
        uses = idle | _whole(agent, used.get(str(agent.pk), {}))
        store_usage(agent_id=agent.pk, uses=uses, since=window.start, at=now)


def _whole(agent: Agent, used: dict[Granted, tuple[int, str]]) -> dict[Granted, Use]:
    """What was used, and a zero for every entry that was not: only what was counted is known to be idle."""
    document = agent.revision.document if agent.revision is not None else {}
    found = {granted: Use(0, None) for granted in entries_of(document)}
    found |= {granted: Use(count, datetime.fromisoformat(last)) for granted, (count, last) in used.items()}
    return found
