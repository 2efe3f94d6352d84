"""The sealer: gives committed entries their place in the log and signs the log's head.

One sealer at a time holds a transaction-level advisory lock; the lock ends with the transaction that
wrote the leaves, so a sealer that lost it cannot have written anything (no fencing token is needed).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from portal.ledger.models import Checkpoint, Leaf
from portal.ledger.rules.merkle import Frontier
from portal.ledger.rules.note import Signer, checkpoint_text
from portal.ledger.selectors.entries import database_now

LOCK = 0x62770001
BATCH = 20_000
HEARTBEAT = timedelta(seconds=60)

# An entry is final once its transaction is below xmin: every transaction below has ended, so none can
# still commit a row in front of it. Reading in the order of the transaction id is therefore gap-free
# without any lock on the writers.
_FINAL = """
SELECT e.id, e.recorded_at, e.leaf_hash, e.txid::text::bigint
FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE e.txid >= %s::text::xid8 AND e.txid < pg_snapshot_xmin(pg_current_snapshot()) AND l.entry_id IS NULL
ORDER BY e.txid, e.id LIMIT %s
"""
# After a restore into a younger cluster old transaction ids lie in the future; then every entry without
# a leaf is taken, whatever its id says. They are all committed: they came out of a backup.
_RESTORED = """
SELECT e.id, e.recorded_at, e.leaf_hash, pg_current_xact_id()::text::bigint
FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE l.entry_id IS NULL
  AND (e.txid < pg_snapshot_xmin(pg_current_snapshot()) OR e.txid > pg_snapshot_xmax(pg_current_snapshot()))
ORDER BY e.recorded_at, e.id LIMIT %s
"""

NewLeaf = tuple[UUID, datetime, bytes, int]


@dataclass(frozen=True)
class Sealed:
    """What one round did: entries sealed, and the log's size after it."""

    count: int
    size: int
    checkpoint: bool


@transaction.atomic(durable=True)
def seal(*, signer: Signer, limit: int = BATCH) -> Sealed | None:
    """Seal one batch; None when another sealer is at work.

    Signs a checkpoint when anything was sealed, and after 60 s without, so that silence is provable.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
    last = Checkpoint.objects.order_by("-id").first()
    frontier = Frontier(last.size, _split(bytes(last.frontier))) if last else Frontier()
    leaves = _unsealed(limit)
    _write(leaves, first=frontier.size)
    frontier.extend(leaf[2] for leaf in leaves)
    now = database_now()
    due = bool(leaves) or last is None or now - last.signed_at >= HEARTBEAT
    if due:
        _sign(frontier, signer=signer, now=now)
    return Sealed(len(leaves), frontier.size, due)


def _unsealed(limit: int) -> list[NewLeaf]:
    newest = Leaf.objects.order_by("-index").values_list("txid", flat=True).first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        restored = newest is not None and newest > cursor.fetchone()[0]
        if restored:
            cursor.execute(_RESTORED, [limit])
        else:
            cursor.execute(_FINAL, [str(newest or 0), limit])
        return [(entry, recorded, bytes(leaf), txid) for entry, recorded, leaf, txid in cursor.fetchall()]


def _write(leaves: list[NewLeaf], *, first: int) -> None:
    # The primary key refuses a place twice and an entry twice: the backstop of the advisory lock.
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY ledger_leaf (index, entry_id, recorded_at, leaf_hash, txid) FROM STDIN") as copy,
    ):
        for offset, (entry_id, recorded_at, leaf, txid) in enumerate(leaves):
            copy.write_row((first + offset, entry_id, recorded_at, leaf, txid))


def _sign(frontier: Frontier, *, signer: Signer, now: datetime) -> None:
    root = frontier.root()
    Checkpoint.objects.create(
        size=frontier.size,
        root=root,
        frontier=b"".join(frontier.hashes),
        note=signer.sign(checkpoint_text(signer.name, frontier.size, root)),
        signed_at=now,
    )


def _split(packed: bytes) -> tuple[bytes, ...]:
    return tuple(packed[start : start + 32] for start in range(0, len(packed), 32))
