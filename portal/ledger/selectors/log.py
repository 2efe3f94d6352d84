"""Reading the sealed log: places, leaf hashes and checkpoints."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min

from portal.ledger.models import Checkpoint, Leaf, PublicKey


def newest_index() -> int:
    """The highest index given, -1 for an empty log."""
    newest = Leaf.objects.aggregate(newest=Max("index"))["newest"]
    return -1 if newest is None else newest


def latest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.order_by("-id").first()


def leaf_hashes(first: int, end: int) -> Iterator[bytes]:
    """The leaf hashes of ``[first, end)`` in order, streamed."""
    rows = Leaf.objects.filter(index__gte=first, index__lt=end).order_by("index")
    for leaf in rows.values_list("leaf_hash", flat=True).iterator(chunk_size=5000):
        yield bytes(leaf)


def index_of(entry_ids: Collection[UUID]) -> dict[UUID, int]:
    """The places of the entries that are sealed."""
    return dict(Leaf.objects.filter(entry_id__in=list(entry_ids)).values_list("entry_id", "index"))


def range_recorded(start: datetime, end: datetime, *, size: int) -> tuple[int, int]:
    """The smallest index range below ``size`` that holds every entry recorded in ``[start, end)``."""
    bounds = Leaf.objects.filter(recorded_at__gte=start, recorded_at__lt=end, index__lt=size).aggregate(
        first=Min("index"), last=Max("index")
    )
    if bounds["first"] is None:
        before = Leaf.objects.filter(recorded_at__lt=start, index__lt=size).aggregate(last=Max("index"))["last"]
        place = 0 if before is None else before + 1
        return place, place
    return bounds["first"], bounds["last"] + 1


def public_keys(role: str) -> list[str]:
    """Every public key of the role, newest first."""
    return list(PublicKey.objects.filter(role=role).order_by("-added_at").values_list("vkey", flat=True))


@dataclass(frozen=True)
class LogHealth:
    """How far sealing is behind: entries without a place, and the age of the newest checkpoint."""

    size: int
    unsealed: int
    checkpoint_age: timedelta | None


def health(now: datetime) -> LogHealth:
    """``unsealed`` is counted up to 10,001, from where this cluster's sealer has come to."""
    latest = latest_checkpoint()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id"
            " WHERE l.entry_id IS NULL AND e.txid >= (SELECT coalesce(max(next_index), 0)::text::xid8"
            " FROM ledger_cursor, pg_control_system() WHERE name = 'sealer:' || system_identifier)"
            " LIMIT 10001) AS waiting"
        )
        unsealed = int(cursor.fetchone()[0])
    age = None if latest is None else now - latest.signed_at
    return LogHealth(0 if latest is None else latest.size, unsealed, age)
