"""The sealer: gives committed entries their place in the log and signs the log's head.

One sealer at a time holds a transaction-level advisory lock; the lock ends with the transaction that
wrote the leaves, so a sealer that lost it cannot have written anything (no fencing token is needed).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from portal.ledger.models import Checkpoint, Cursor
from portal.ledger.rules.merkle import Frontier
from portal.ledger.rules.note import NoteError, Signer, Verifier, checkpoint_text, open_note, parse_checkpoint
from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.log import leaf_hashes

LOCK = 0x62770001
BATCH = 20_000
HEARTBEAT = timedelta(seconds=60)

# Nothing below ``bound`` (the oldest transaction still running, read by an earlier statement) can still
# commit a row, so reading in the order of the transaction id is gap-free without any lock on the writers.
_FINAL = """
SELECT e.id, e.recorded_at, e.leaf_hash, e.txid::text::bigint
FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE e.txid >= %s::text::xid8 AND e.txid < %s::text::xid8 AND l.entry_id IS NULL
ORDER BY e.txid, e.id LIMIT %s
"""
# Transaction ids mean something in one cluster only. In a cluster that has never sealed this log (a new one,
# or one that a backup was restored into) every entry without a leaf is taken, once, except those that
# transactions of this cluster may still be writing around. Restored ids may lie in this cluster's future.
_CATCH_UP = """
SELECT e.id, e.recorded_at, e.leaf_hash, e.txid::text::bigint
FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE l.entry_id IS NULL
  AND (e.txid < %s::text::xid8 OR e.txid >= pg_snapshot_xmax(pg_current_snapshot()))
ORDER BY e.recorded_at, e.id LIMIT %s
"""
_HERE = """
SELECT 'sealer:' || system_identifier, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
FROM pg_control_system()
"""

NewLeaf = tuple[UUID, datetime, bytes, int]


@dataclass(frozen=True)
class Sealed:
    """What one round did: entries sealed, and the log's size after it."""

    count: int
    size: int
    checkpoint: bool


class ForeignCheckpointError(RuntimeError):
    """The newest checkpoint is not one that this log's key signed for this log's leaves; nothing is sealed on it."""


@transaction.atomic(durable=True)
def seal(*, signer: Signer, limit: int = BATCH) -> Sealed | None:
    """Seal one batch; None when another sealer is at work.

    Signs a checkpoint when anything was sealed, and after 60 s without, so that silence is provable. Raises
    ForeignCheckpointError.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
    last = Checkpoint.objects.order_by("-id").first()
    frontier = _resume(last, signer) if last else Frontier()
    leaves = _unsealed(limit)
    _write(leaves, first=frontier.size)
    frontier.extend(leaf[2] for leaf in leaves)
    now = database_now()
    due = bool(leaves) or last is None or now - last.signed_at >= HEARTBEAT
    if due:
        _sign(frontier, signer=signer, now=now, number=last.pk + 1 if last else 1)
    return Sealed(len(leaves), frontier.size, due)


def _resume(last: Checkpoint, signer: Signer) -> Frontier:
    """The tree to go on from. Whoever may insert rows may insert a checkpoint over leaves of their own making, and to
    sign the next one on top of it would lend them the log's key; so its signature and root are proven first.
    """
    try:
        stated = parse_checkpoint(open_note(last.note, [Verifier.from_vkey(signer.vkey)]))
        frontier = Frontier(last.size, _split(bytes(last.frontier)))
        sound = (stated.origin, stated.size, stated.root) == (signer.name, last.size, frontier.root())
    except (NoteError, ValueError):
        # Signed by the key before this one, perhaps: then the leaves themselves must say so.
        frontier = Frontier()
        frontier.extend(leaf_hashes(0, last.size))
        sound = frontier.size == last.size
    if not sound or frontier.root() != bytes(last.root):
        raise ForeignCheckpointError(f"Checkpoint {last.pk} was not signed for this log; run manage.py verify_ledger.")
    return frontier


def _unsealed(limit: int) -> list[NewLeaf]:
    """The next final entries; moves the transaction id below which nothing is left to seal."""
    with connection.cursor() as cursor:
        cursor.execute(_HERE)
        name, bound = cursor.fetchone()
        floor = Cursor.objects.filter(name=name).values_list("next_index", flat=True).first()
        if floor is None:
            cursor.execute(_CATCH_UP, [str(bound), limit])
        else:
            cursor.execute(_FINAL, [str(floor), str(bound), limit])
        found = [(entry, recorded, bytes(leaf), txid) for entry, recorded, leaf, txid in cursor.fetchall()]
    everything = len(found) < limit
    if everything or floor is not None:
        # A full batch may have stopped in the middle of a transaction, so the next one begins with its id.
        reached = bound if everything else found[-1][3]
        if reached != floor:
            Cursor.objects.update_or_create(name=name, defaults={"next_index": reached})
    return found


def _write(leaves: list[NewLeaf], *, first: int) -> None:
    # The primary key refuses a place twice and an entry twice: the backstop of the advisory lock.
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY ledger_leaf (index, entry_id, recorded_at, leaf_hash, txid) FROM STDIN") as copy,
    ):
        for offset, (entry_id, recorded_at, leaf, txid) in enumerate(leaves):
            copy.write_row((first + offset, entry_id, recorded_at, leaf, txid))


def _sign(frontier: Frontier, *, signer: Signer, now: datetime, number: int) -> None:
    root = frontier.root()
    # Numbered under the lock and not by a sequence, which leaves gaps: a gap is a checkpoint taken away.
    Checkpoint.objects.create(
        pk=number,
        size=frontier.size,
        root=root,
        frontier=b"".join(frontier.hashes),
        note=signer.sign(checkpoint_text(signer.name, frontier.size, root)),
        signed_at=now,
    )


def _split(packed: bytes) -> tuple[bytes, ...]:
    return tuple(packed[start : start + 32] for start in range(0, len(packed), 32))
