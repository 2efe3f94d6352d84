"""Keeps the runs abreast of the checks in the log, and notes when agents were last heard of.

The follower hands over every entry once and in order, in the transaction that moves its cursor, so adding
up is safe. What sources report is counted where it is recorded, in ``reports.services.ingest``.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose_many
from registry.services.seen import mark_seen
from reports.services.tallies import RunChange, apply_runs

CHECK = "approvals.check.decided"
_COUNTED = {"allow": "allowed", "review": "gated", "deny": "denied"}


def project(entries: Sequence[Entry]) -> None:
    """Take in the checks among ``entries``; entries of other types are passed over."""
    checks = [entry for entry in entries if entry.type == CHECK and entry.run_id and entry.agent_id]
    personal = disclose_many(checks)
    runs: dict[UUID, RunChange] = {}
    agents: dict[UUID, datetime] = {}
    credentials: dict[UUID, datetime] = {}
    for entry in checks:
        assert entry.run_id and entry.agent_id  # noqa: S101, PT018 (filtered above; for the type checker)
        data = entry.body["data"]
        run = runs.get(entry.run_id)
        if run is None:
            run = runs[entry.run_id] = RunChange(
                id=entry.run_id,
                agent_id=entry.agent_id,
                started_at=entry.occurred_at,
                last_event_at=entry.occurred_at,
            )
        run.widen(entry.occurred_at)
        counted = _COUNTED[data["outcome"]]
        setattr(run, counted, getattr(run, counted) + 1)
        run.tell(
            session_id=data.get("session"),
            initiator=(personal[entry.id] or {}).get("initiator"),
            repository=data["repository"],
            branch=data["branch"],
            task=data.get("task"),
        )
        agents[entry.agent_id] = max(entry.recorded_at, agents.get(entry.agent_id, entry.recorded_at))
        credential = UUID(data["credential"])
        credentials[credential] = max(entry.recorded_at, credentials.get(credential, entry.recorded_at))
    apply_runs(runs.values())
    mark_seen(agents=agents, credentials=credentials)
