"""The three tables beside the ledger that ingest keeps: keys seen, runs, and counts by source.

All rows of a statement are written in one order (by key, by id), so that two batches which meet wait for
each other and never in a circle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection

# One text for each column: psycopg writes lists of 1,000 items several times slower than PostgreSQL splits
# them. A key is one printable line, so the separator cannot occur in it.
_CLAIM = """
INSERT INTO reports_seenevent (agent_id, source, key, entry_id, body_hash)
SELECT %s, %s, k, e::uuid, decode(h, 'hex')
FROM unnest(string_to_array(%s::text, E'\\n'), string_to_array(%s::text, E'\\n'), string_to_array(%s::text, E'\\n'))
     AS given(k, e, h)
ON CONFLICT (agent_id, source, key) DO NOTHING
RETURNING key
"""
_KNOWN = """
SELECT key, body_hash FROM reports_seenevent
WHERE agent_id = %s AND source = %s AND key = ANY(string_to_array(%s::text, E'\\n'))
"""
_RUNS = """
INSERT INTO reports_run AS run (id, agent_id, session_id, initiator, repository, branch, model, task,
                                started_at, last_event_at, events, allowed, gated, denied)
SELECT id, agent_id, session_id, initiator, repository, branch, model, task,
       started_at, last_event_at, events, allowed, gated, denied
FROM jsonb_to_recordset(%s::jsonb) AS given(
       id uuid, agent_id uuid, session_id text, initiator text, repository text, branch text, model text, task text,
       started_at timestamptz, last_event_at timestamptz, events int, allowed int, gated int, denied int)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET
  session_id = coalesce(nullif(run.session_id, ''), excluded.session_id),
  initiator = coalesce(nullif(run.initiator, ''), excluded.initiator),
  repository = coalesce(nullif(run.repository, ''), excluded.repository),
  branch = coalesce(nullif(excluded.branch, ''), run.branch),
  model = coalesce(nullif(excluded.model, ''), run.model),
  task = coalesce(nullif(excluded.task, ''), run.task),
  started_at = least(run.started_at, excluded.started_at),
  last_event_at = greatest(run.last_event_at, excluded.last_event_at),
  events = run.events + excluded.events,
  allowed = run.allowed + excluded.allowed,
  gated = run.gated + excluded.gated,
  denied = run.denied + excluded.denied
"""
_COUNT = """
INSERT INTO reports_sourcecount AS count (agent_id, source, received, recorded, duplicate, rejected, last_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (agent_id, source) DO UPDATE SET
  received = count.received + excluded.received,
  recorded = count.recorded + excluded.recorded,
  duplicate = count.duplicate + excluded.duplicate,
  rejected = count.rejected + excluded.rejected,
  last_at = greatest(count.last_at, excluded.last_at)
"""
LONGEST = {"session_id": 200, "initiator": 200, "repository": 200, "branch": 250, "model": 120, "task": 200}


class Claim(NamedTuple):
    """The key of an event, the entry it would become, and the hash of all it says."""

    key: str
    entry_id: UUID
    body_hash: bytes


@dataclass(kw_only=True, slots=True)
class RunChange:
    """What a batch adds to one run. Texts that are empty change nothing."""

    id: UUID
    agent_id: UUID
    started_at: datetime
    last_event_at: datetime
    session_id: str = ""
    initiator: str = ""
    repository: str = ""
    branch: str = ""
    model: str = ""
    task: str = ""
    events: int = 0
    allowed: int = 0
    gated: int = 0
    denied: int = 0

    def widen(self, at: datetime) -> None:
        self.started_at, self.last_event_at = min(self.started_at, at), max(self.last_event_at, at)

    def tell(self, **texts: str | None) -> None:
        """Keep what is told last, cut to what the read model holds; the ledger has it whole."""
        for name, text in texts.items():
            if text:
                setattr(self, name, text[: LONGEST[name]])


def claim_keys(*, agent_id: UUID, source: str, claims: Iterable[Claim]) -> tuple[set[str], Mapping[str, bytes]]:
    """Claim the keys that nobody has; returns those won, and the body hash that each of the others was used for.

    Waits for a batch under way that holds one of the keys: when it commits, the key is its; when it fails, ours.
    """
    ordered = sorted(claims)
    keys = "\n".join(claim.key for claim in ordered)
    entry_ids = "\n".join(str(claim.entry_id) for claim in ordered)
    hashes = "\n".join(claim.body_hash.hex() for claim in ordered)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [agent_id, source, keys, entry_ids, hashes])
        won = {key for (key,) in cursor.fetchall()}
        if len(won) == len(ordered):
            return won, {}
        lost = "\n".join(claim.key for claim in ordered if claim.key not in won)
        cursor.execute(_KNOWN, [agent_id, source, lost])
        return won, {key: bytes(known) for key, known in cursor.fetchall()}


def apply_runs(changes: Iterable[RunChange]) -> None:
    """Create or advance the runs: two statements that meet on a run add up."""
    rows = [{name: getattr(change, name) for name in RunChange.__slots__} for change in changes]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_RUNS, [orjson.dumps(rows).decode()])


def count_source(
    *, agent_id: UUID, source: str, at: datetime, received: int, recorded: int, duplicate: int, rejected: int
) -> None:
    """Add to what a source sent. The table's own constraint refuses numbers that do not add up."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [agent_id, source, received, recorded, duplicate, rejected, at])
