"""Appending: one fact becomes one row, in the transaction of the fact itself.

No lock is taken and no chain head is touched, so writers never wait for each other; the order and the
proof come later, from the sealer.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from portal.ledger import vault
from portal.ledger.events import Actor, Event, instant
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.rules.commitment import SALT_BYTES, commit, salt_of
from portal.ledger.rules.merkle import leaf_hash

COLUMNS = (
    "id, type, version, occurred_at, recorded_at, actor_kind, actor_id, agent_id, run_id, source, "
    "source_counter, bytes, leaf_hash, subject, sealed, outcome"
)
_PLACEHOLDERS = ", ".join(["%s"] * 16)
INSERT = f"INSERT INTO ledger_entry ({COLUMNS}) VALUES ({_PLACEHOLDERS})"  # noqa: S608
# Up to so many rows go in one prepared INSERT: COPY is faster by the row, and takes two more turns.
_FEW = 4


class Row(NamedTuple):
    """The column values of one entry, in the order of ``COLUMNS``."""

    id: UUID
    type: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    actor_kind: str
    actor_id: str
    agent_id: UUID | None
    run_id: UUID | None
    source: str
    source_counter: int | None
    canonical: bytes
    leaf_hash: bytes
    subject: str
    sealed: bytes | None
    outcome: str | None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry to be: what ``append`` takes, as one value, for appending many at once."""

    event: Event
    actor: Actor
    at: datetime
    occurred_at: datetime | None = None
    agent_id: UUID | None = None
    run_id: UUID | None = None
    source: str = "portal"
    source_counter: int | None = None
    subject: str | None = None
    id: UUID | None = None  # given by callers that must name the entry before it is written


@dataclass(frozen=True)
class Appended:
    id: UUID
    leaf_hash: bytes


def append(
    event: Event,
    *,
    actor: Actor,
    at: datetime,
    occurred_at: datetime | None = None,
    agent_id: UUID | None = None,
    run_id: UUID | None = None,
    source: str = "portal",
    source_counter: int | None = None,
    subject: str | None = None,
) -> Appended:
    """Record ``event``. ``at`` is the database's clock (``selectors.database_now``).

    Raises RuntimeError outside a transaction: a fact and its entry commit together or not at all.
    """
    draft = Draft(
        event=event,
        actor=actor,
        at=at,
        occurred_at=occurred_at,
        agent_id=agent_id,
        run_id=run_id,
        source=source,
        source_counter=source_counter,
        subject=subject,
    )
    return append_many([draft])[0]


def append_many(drafts: Sequence[Draft]) -> list[Appended]:
    """Record many events at once, in the order given."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An entry is appended in the transaction of the fact it records.")
    rows = prepare_many(drafts)
    with connection.cursor() as cursor:
        if len(rows) > _FEW:
            _copy(cursor, rows)
        elif rows:
            cursor.execute(INSERT + f", ({_PLACEHOLDERS})" * (len(rows) - 1), list(chain(*rows)))
    return [Appended(row.id, row.leaf_hash) for row in rows]


def prepare_many(drafts: Sequence[Draft]) -> list[Row]:
    """The rows of several entries, asking once for the key of a subject that several are about."""
    keys = vault.keys_for_writing(_subject_of(draft) for draft in drafts)
    return [prepare(draft, keys) for draft in drafts]


def prepare(draft: Draft, keys: Mapping[str, AESGCM] | None = None) -> Row:
    """The row of an entry, hashed and with its personal values committed and encrypted."""
    entry_id: UUID = draft.id or uuid7()
    occurred_at = draft.occurred_at or draft.at
    recorded = instant(draft.at)
    subject = _subject_of(draft)
    data = draft.event.data()
    personal = {**draft.event.personal(), "actor_label": draft.actor.label}
    commitments = {}
    seed = os.urandom(SALT_BYTES)
    for field, value in personal.items():
        commitments[field] = commit(field, salt_of(seed, field), canonicalize(value)).hex()
    body = canonicalize(
        {
            "v": 1,
            "id": str(entry_id),
            "type": draft.event.TYPE,
            "tv": draft.event.VERSION,
            "occurred_at": recorded if occurred_at is draft.at else instant(occurred_at),
            "recorded_at": recorded,
            "actor": {"kind": draft.actor.kind, "id": draft.actor.id},
            "agent": None if draft.agent_id is None else str(draft.agent_id),
            "run": None if draft.run_id is None else str(draft.run_id),
            "source": draft.source,
            "counter": draft.source_counter,
            "data": data,
            "commitments": commitments,
        }
    )
    return Row(
        entry_id,
        draft.event.TYPE,
        draft.event.VERSION,
        occurred_at,
        draft.at,
        draft.actor.kind,
        draft.actor.id,
        draft.agent_id,
        draft.run_id,
        draft.source,
        draft.source_counter,
        body,
        leaf_hash(body),
        subject,
        vault.lock(subject, seed, personal, entry_id.bytes, keys),
        data.get("outcome"),
    )


def _subject_of(draft: Draft) -> str:
    """Whose key the personal values go under: as stated, else the person who acted, the run, the agent."""
    if draft.subject is not None:
        return draft.subject
    if draft.actor.kind == "person":
        return f"person:{draft.actor.id}"
    if draft.run_id is not None:
        return f"run:{draft.run_id}"
    if draft.agent_id is not None:
        return f"agent:{draft.agent_id}"
    return f"{draft.actor.kind}:{draft.actor.id}"


def _copy(cursor: Any, rows: Iterable[Row]) -> None:
    # COPY is about four times a multi-row INSERT, and rows of one batch share their transaction anyway.
    with cursor.copy(f"COPY ledger_entry ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
