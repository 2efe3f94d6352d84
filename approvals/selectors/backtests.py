"""Reading backtests: how far one is, what it found, and its examples as far as the reader may see them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from approvals.models import Backtest
from approvals.rules.backtest import BacktestStatus, is_lost
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose_many
from registry.models import Agent, PolicyProposal, ProposalState
from registry.selectors.agents import SEES_ALL, visible_agents, visible_teams
from registry.selectors.policies import Subject, may_decide
from registry.selectors.proposals import backtest_fault


@dataclass(frozen=True, kw_only=True)
class BacktestStanding:
    """How the work on a backtest goes. ``fault`` says why its result does not carry a decision, if it does not."""

    status: BacktestStatus
    done: int
    total: int
    reason: str
    result: dict[str, Any]
    at: datetime | None
    fault: str | None
    open: bool

    @property
    def under_way(self) -> bool:
        return self.status in {BacktestStatus.QUEUED, BacktestStatus.RUNNING}


def standing_for(reader: Person, proposal: PolicyProposal, now: datetime) -> BacktestStanding:
    """The proposal's backtest as the reader may see it."""
    return replace(standing_of_backtest(proposal, now), result=_result_for(proposal, reader))


def standing_of_backtest(proposal: PolicyProposal, now: datetime) -> BacktestStanding:
    """The proposal's backtest as it is now; the result that it has stays while another is being made."""
    job = Backtest.objects.filter(proposal=proposal).first()
    is_open = proposal.state == ProposalState.OPEN.value
    return BacktestStanding(
        status=_status(job, now),
        done=job.done if job is not None else 0,
        total=job.total if job is not None else 0,
        reason=job.reason if job is not None else "",
        result=proposal.backtest,
        at=proposal.backtest_at,
        fault=backtest_fault(proposal, now=now) if is_open else None,
        open=is_open,
    )


def _result_for(proposal: PolicyProposal, reader: Person) -> dict[str, Any]:
    """All of it for those who decide and those who see everything; else without what is out of the reader's sight.

    Everyone reads the organisation's proposals, and their backtests name every agent.
    """
    result, authority = proposal.backtest, authority_of(reader)
    whole = may_decide(authority, Subject.of(proposal)) or any(authority.has(role) for role in SEES_ALL)
    if whole or not result:
        return dict(result)
    agents = visible_agents(reader).order_by()
    slugs = set(agents.filter(slug__in=list(result.get("agents", {}))).values_list("slug", flat=True))
    teams = set(visible_teams(reader).values_list("name", flat=True))
    examples = result.get("examples", [])
    entries = Entry.objects.filter(id__in=[one["entry"] for one in examples], agent_id__in=agents.values("pk"))
    seen = {str(entry) for entry in entries.values_list("id", flat=True)}
    return {
        **result,
        "agents": {slug: counts for slug, counts in result.get("agents", {}).items() if slug in slugs},
        "teams": {name: counts for name, counts in result.get("teams", {}).items() if name in teams},
        "examples": [one for one in examples if one["entry"] in seen],
        "initiators": [],
    }


def _status(job: Backtest | None, now: datetime) -> BacktestStatus:
    if job is None:
        return BacktestStatus.NONE
    if is_lost(job.state, heartbeat_at=job.heartbeat_at, requested_at=job.requested_at, now=now):
        return BacktestStatus.LOST
    return BacktestStatus(job.state)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One recorded check that would be answered otherwise. ``call`` is None where it was erased meanwhile."""

    change: str
    agent: Agent
    run_id: UUID | None
    at: datetime
    tool: str
    call: str | None


def examples_of(proposal: PolicyProposal, person: Person, *, most: int) -> list[Example]:
    """The examples whose agents the person may see, disclosed now, in the order of the result."""
    found = {example["entry"]: example["change"] for example in proposal.backtest.get("examples", [])}
    agents = visible_agents(person).in_bulk()
    entries = Entry.objects.filter(id__in=list(found), agent_id__in=list(agents)).order_by("recorded_at", "id")
    shown = sorted(entries, key=lambda entry: list(_ORDER).index(found[str(entry.id)]))[:most]
    personal = disclose_many(shown)
    return [
        Example(
            change=found[str(entry.id)],
            agent=agents[entry.agent_id],
            run_id=entry.run_id,
            at=entry.recorded_at,
            tool=str(entry.body["data"].get("tool", "")),
            call=_call(personal[entry.id]),
        )
        for entry in shown
        if entry.agent_id is not None
    ]


_ORDER = ("allowed", "gated", "refused")


def _call(personal: dict[str, Any] | None) -> str | None:
    """What was asked, in a line: the command of a shell call, else what it was about."""
    if not personal:
        return None
    arguments = personal.get("arguments") or {}
    return str(arguments.get("command") or personal.get("resource") or "")
