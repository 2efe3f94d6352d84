"""Entries to test with, and connections of their own for what must happen at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection, connections, transaction

from portal.ledger.events import Actor, Event
from portal.ledger.models import Checkpoint, Leaf
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Appended, Draft, append, append_many
from portal.ledger.services.seal import Sealed, seal
from portal.ledger.signing import load_signer

SOMEBODY = Actor("person", "0196f3a0-0000-7000-8000-000000000001", "Ada Lovelace")


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """An event with a field in clear and one that is personal."""

    TYPE: ClassVar[str] = "tests.thing.noted"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"said"})
    number: int = 0
    outcome: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    said: str | None = None


@dataclass(frozen=True, kw_only=True)
class Other(Event):
    TYPE: ClassVar[str] = "tests.other.noted"
    number: int = 0


def put(number: int = 0, **fields: Any) -> Appended:
    """Append one entry in a transaction of its own, or in the one that is open."""
    with transaction.atomic():
        return append(Noted(number=number, **fields), actor=SOMEBODY, at=database_now())


def put_many(count: int, *, start: int = 0) -> list[Appended]:
    with transaction.atomic():
        now = database_now()
        return append_many(
            [Draft(event=Noted(number=start + n, said=f"word {n}"), actor=SOMEBODY, at=now) for n in range(count)]
        )


def seal_now(limit: int = 20_000) -> Sealed | None:
    return seal(signer=load_signer("log"), limit=limit)


def seal_all() -> int:
    """Seal until nothing is left; the log's size."""
    while (sealed := seal_now()) is not None and sealed.count:
        continue
    assert sealed is not None
    return sealed.size


def log() -> list[UUID]:
    """The entries' ids in the order of the log, which must be contiguous from 0."""
    rows = list(Leaf.objects.order_by("index").values_list("index", "entry_id"))
    assert [index for index, _ in rows] == list(range(len(rows)))
    return [entry_id for _, entry_id in rows]


def newest_checkpoint() -> Checkpoint:
    return Checkpoint.objects.latest("id")


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work(n)`` in threads at once, each with a connection of its own; results in order."""

    def run(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(run, range(count)))


def ask(statement: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or [])
        return list(cursor.fetchall())
