"""Re-deriving the whole log from its bytes: independent of how it was written."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from portal.ledger import vault
from portal.ledger.events import instant
from portal.ledger.models import Checkpoint, Entry, SubjectKey
from portal.ledger.rules.canonical import CanonicalError, canonicalize, parse_strict
from portal.ledger.rules.commitment import commit
from portal.ledger.rules.merkle import Frontier, leaf_hash
from portal.ledger.rules.note import NoteError, Verifier, open_note, parse_checkpoint
from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.log import public_keys

PATIENCE = timedelta(minutes=2)
_COLUMNS = ("type", "version", "actor_kind", "actor_id", "agent_id", "run_id", "source", "source_counter", "outcome")
_WALK = """
SELECT l.index, l.leaf_hash, l.entry_id, e.bytes, e.leaf_hash, e.type, e.version, e.actor_kind, e.actor_id,
       e.agent_id::text, e.run_id::text, e.source, e.source_counter, e.outcome, e.occurred_at, e.recorded_at,
       e.subject, e.sealed, k.wrapped, k.created_at
FROM ledger_leaf l LEFT JOIN ledger_entry e ON e.id = l.entry_id AND e.recorded_at = l.recorded_at
LEFT JOIN ledger_subjectkey k ON k.subject = e.subject
ORDER BY l.index
"""


@dataclass(frozen=True)
class Fault:
    """What is wrong, and the first index it is wrong at (None when it is not about one entry)."""

    index: int | None
    reason: str


@dataclass
class Audit:
    """What was checked and the faults found, in the order of the log; empty faults and a count is good."""

    entries: int = 0
    checkpoints: int = 0
    faults: list[Fault] = field(default_factory=list)


def audit_log() -> Audit:
    """Re-derive every leaf, every root and every signature; compare every query column with the bytes.

    Reads everything; a fault in an entry does not stop the walk, a missing place does.
    """
    result = Audit()
    notes = list(Checkpoint.objects.order_by("size", "id"))
    verifiers = [Verifier.from_vkey(vkey) for vkey in public_keys("log")]
    frontier = Frontier()
    pending = iter(notes)
    note = next(pending, None)
    for index, recorded, row in _leaves():
        while note is not None and note.size == index:
            _check_note(note, frontier, verifiers, result)
            note = next(pending, None)
        if index != frontier.size:
            result.faults.append(Fault(frontier.size, "this place in the log is missing"))
            return result
        for reason in _faults(recorded, row):
            result.faults.append(Fault(index, reason))
        frontier.append(recorded)
        result.entries += 1
    while note is not None:
        _check_note(note, frontier, verifiers, result)
        note = next(pending, None)
    result.faults += _missing_notes(notes, frontier.size)
    result.faults += _loose_entries()
    return result


def _missing_notes(notes: list[Checkpoint], size: int) -> Iterator[Fault]:
    """Leaves and their checkpoint are written together and numbered without gaps, so an absence is a loss."""
    if not notes:
        yield Fault(None, "no checkpoint has ever been signed")
        return
    if notes[-1].size < size:
        yield Fault(notes[-1].size, f"no checkpoint covers the log from here to its end at {size}")
    before = Checkpoint(pk=0, size=0)
    for note in sorted(notes, key=lambda note: note.pk):
        if note.pk != before.pk + 1:
            yield Fault(before.size, f"a checkpoint is missing between number {before.pk} and {note.pk}")
        before = note


def _leaves() -> Iterator[tuple[int, bytes, tuple[Any, ...]]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_WALK)
        while rows := cursor.fetchmany(2000):
            for index, leaf, *rest in rows:
                yield index, bytes(leaf), tuple(rest)


def _faults(leaf: bytes, row: tuple[Any, ...]) -> Iterator[str]:
    entry_id, data, own_leaf, *columns, occurred_at, recorded_at, subject, sealed, wrapped, key_made = row
    if data is None:
        yield f"entry {entry_id} is gone"
        return
    data = bytes(data)
    if leaf_hash(data) != leaf:
        yield "the bytes do not hash to the leaf in the log"
    if bytes(own_leaf) != leaf:
        yield "the entry's own leaf hash differs from the log's"
    try:
        value = parse_strict(data)
        if canonicalize(value) != data:
            yield "the bytes are not canonical JSON"
    except CanonicalError as error:
        yield f"the bytes are not canonical JSON ({error})"
        return
    yield from _differences(value, str(entry_id), columns, occurred_at, recorded_at)
    if sealed is None:
        if value["commitments"]:
            yield "the personal values that the bytes commit to are gone"
    elif wrapped is not None:
        key = SubjectKey(subject=subject, wrapped=wrapped, created_at=key_made)
        yield from _broken_commitments(value, vault.unlock_with(key, bytes(sealed), entry_id.bytes), key, recorded_at)


def _broken_commitments(
    value: Any, opened: dict[str, Any] | None, key: SubjectKey, recorded_at: datetime
) -> Iterator[str]:
    """A subject without a key was erased, and so were values older than its key; all others must open."""
    if opened is None:
        if key.created_at <= recorded_at:
            yield "the personal values do not open with their subject's key"
        return
    if opened.keys() != value["commitments"].keys():
        yield "the personal values kept are not those that the bytes commit to"
        return
    for name, item in opened.items():
        if commit(name, b64decode(item["salt"]), canonicalize(item["value"])).hex() != value["commitments"][name]:
            yield f"the personal value {name} is not the one that the bytes commit to"


def _differences(
    value: Any, entry_id: str, columns: list[Any], occurred_at: datetime, recorded_at: datetime
) -> Iterator[str]:
    said = (
        value["type"],
        value["tv"],
        value["actor"]["kind"],
        value["actor"]["id"],
        value["agent"],
        value["run"],
        value["source"],
        value["counter"],
        value["data"].get("outcome"),
    )
    for name, stored, told in zip(_COLUMNS, columns, said, strict=True):
        if stored != told:
            yield f"the column {name} says {stored!r}, the bytes say {told!r}"
    if value["id"] != entry_id:
        yield "the bytes carry another entry's id"
    if (value["occurred_at"], value["recorded_at"]) != (instant(occurred_at), instant(recorded_at)):
        yield "the times in the columns differ from the bytes"


def _check_note(note: Checkpoint, frontier: Frontier, verifiers: list[Verifier], result: Audit) -> None:
    """A checkpoint must be signed by a known key and state the size and root that the leaves give."""
    result.checkpoints += 1
    place = max(note.size - 1, 0)
    try:
        stated = parse_checkpoint(open_note(note.note, verifiers))
    except NoteError as error:
        result.faults.append(Fault(place, f"checkpoint {note.pk} does not verify: {error}"))
        return
    if stated.origin not in {verifier.name for verifier in verifiers}:
        result.faults.append(Fault(place, f"checkpoint {note.pk} is signed for the log {stated.origin}"))
    elif stated.size != frontier.size:
        result.faults.append(
            Fault(
                frontier.size, f"checkpoint {note.pk} is signed for {stated.size} entries, the log has {frontier.size}"
            )
        )
    elif stated.root != frontier.root() or bytes(note.root) != stated.root or note.size != stated.size:
        result.faults.append(Fault(place, f"checkpoint {note.pk} was signed for another log than this one"))
    elif b"".join(frontier.hashes) != bytes(note.frontier):
        result.faults.append(Fault(place, f"checkpoint {note.pk} keeps a wrong frontier"))


def _loose_entries() -> list[Fault]:
    """Entries that should long have a place and have none."""
    waiting = Entry.objects.filter(recorded_at__lt=database_now() - PATIENCE).extra(
        where=["NOT EXISTS (SELECT 1 FROM ledger_leaf l WHERE l.entry_id = ledger_entry.id)"]
    )
    count = waiting.count()
    return [Fault(None, f"{count} entries older than two minutes have no place in the log")] if count else []
