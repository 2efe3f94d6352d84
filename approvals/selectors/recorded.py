"""Reading recorded checks in bulk: counted, cut into chunks, streamed with what can still be read of their calls.

A chunk is a stretch of the order (agent, time, id), so that every chunk is one range of an index, several
processes share the work without talking to each other, and none of them holds more than a few hundred rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from portal.ledger.vault import Reader

CHECK = "approvals.check.decided"
CHUNK = 1_000
_FETCH = 250

Place = tuple[str, str, str]

_PLACES = """
SELECT agent_id, recorded_at, id, total FROM (
    SELECT agent_id, recorded_at, id, row_number() OVER (ORDER BY agent_id, recorded_at, id) AS place,
           count(*) OVER () AS total
    FROM ledger_entry
    WHERE type = %s AND agent_id = ANY(%s::uuid[]) AND recorded_at >= %s AND recorded_at < %s) e
WHERE (place - 1) %% %s = 0 ORDER BY place
"""

# The time stands outside the row comparison once more: partitions are chosen by it.
_ROWS = """
SELECT e.id, e.agent_id, e.recorded_at, e.outcome, e.bytes, e.subject, e.sealed, k.wrapped
FROM ledger_entry e LEFT JOIN ledger_subjectkey k ON k.subject = e.subject
WHERE e.type = %s AND e.agent_id = ANY(%s::uuid[]) AND e.recorded_at >= %s AND e.recorded_at < %s
  AND (e.agent_id, e.recorded_at, e.id) >= (%s::uuid, %s::timestamptz, %s::uuid)
"""
_BEFORE = " AND (e.agent_id, e.recorded_at, e.id) < (%s::uuid, %s::timestamptz, %s::uuid)"


@dataclass(frozen=True)
class Window:
    """The recorded checks of some agents in ``[start, end)``."""

    agents: tuple[UUID, ...]
    start: datetime
    end: datetime


class Chunk(NamedTuple):
    """From one place up to another (None: to the end), as JSON-safe text; ``size`` is how many checks it holds."""

    first: Place
    after: Place | None
    size: int
    agents: tuple[str, ...]


class RecordedCheck(NamedTuple):
    """One recorded check: its facts in clear, and its personal values, None where they were erased."""

    id: UUID
    agent_id: UUID
    at: datetime
    outcome: str | None
    data: dict[str, Any]
    personal: dict[str, Any] | None


def chunks_of(window: Window, size: int = CHUNK) -> list[Chunk]:
    """The window's checks as chunks of ``size``, in order; one query over the index."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [CHECK, list(window.agents), window.start, window.end, size])
        rows = cursor.fetchall()
    places: list[Place] = [(str(agent), at.isoformat(), str(entry)) for agent, at, entry, _ in rows]
    total = rows[0][3] if rows else 0
    order = sorted(str(agent) for agent in window.agents)
    chunks = []
    for number, first in enumerate(places):
        after = places[number + 1] if number + 1 < len(places) else None
        holds = size if after is not None else total - size * number
        chunks.append(Chunk(first, after, holds, _between(order, first, after)))
    return chunks


def _between(order: Sequence[str], first: Place, after: Place | None) -> tuple[str, ...]:
    """The agents that a chunk can hold, so that 2,000 ids are not sent with every chunk."""
    return tuple(agent for agent in order if first[0] <= agent and (after is None or agent <= after[0]))


def read_chunk(chunk: Chunk, *, start: datetime, end: datetime, reader: Reader) -> Iterator[RecordedCheck]:
    """The chunk's checks by a server-side cursor, so that memory stays flat however large a call was.

    The keys come with the rows in the same statement: what was erased before it is not read.
    """
    statement = _ROWS + (_BEFORE if chunk.after is not None else "")
    around = [CHECK, list(chunk.agents), start, end, *chunk.first, *(chunk.after or ())]
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(statement, around)
        while rows := cursor.fetchmany(_FETCH):
            for entry_id, agent_id, at, outcome, body, subject, sealed, wrapped in rows:
                personal = None if sealed is None else reader.values(subject, wrapped, sealed, entry_id.bytes)
                yield RecordedCheck(entry_id, agent_id, at, outcome, orjson.loads(body)["data"], personal)
