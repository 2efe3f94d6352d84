"""Runs for tests of pages: rows of the read model, and runs with entries behind them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from registry.models import Agent
from registry.rules.runs import run_id
from reports.ingest.incoming import Incoming, Parsed
from reports.models import Run
from reports.services.ingest import OTLP, Sender, record

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def a_run(agent: Agent, session: str = "s-1", **fields: Any) -> Run:
    """A row alone, as filters and lists see it."""
    times = {"started_at": START, "last_event_at": START + timedelta(minutes=5)}
    return Run.objects.create(id=run_id(agent.pk, session), agent=agent, session_id=session, **{**times, **fields})


def step(number: int, minutes: float, name: str = "tool_result", **fields: Any) -> Incoming:
    facts = {"sequence": number, **fields.pop("facts", {})}
    session = fields.pop("session", "s-1")
    at = START + timedelta(minutes=minutes)
    return Incoming(key=f"{session}-{number}", session=session, name=name, occurred_at=at, facts=facts, **fields)


def report(agent: Agent, *steps: Incoming, source: str = OTLP) -> Run:
    """Record the steps and return the run of the first."""
    record(sender=Sender(agent.pk, agent.name), source=source, parsed=Parsed(list(steps), []))
    return Run.objects.get(pk=run_id(agent.pk, steps[0].session))
