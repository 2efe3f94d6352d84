"""Sealing: every committed entry once, in the order of its transaction, and a signed head that says so."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from portal.ledger.models import Checkpoint, Cursor, Entry, Leaf
from portal.ledger.rules.merkle import EMPTY_ROOT, root
from portal.ledger.rules.note import NoteError, Signer, Verifier, open_note, parse_checkpoint
from portal.ledger.selectors.audit import audit_log
from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.log import health
from portal.ledger.services import seal as sealing
from portal.ledger.services.append import append
from portal.ledger.signing import load_signer
from tests.ledger.sample import (
    SOMEBODY,
    Noted,
    ask,
    in_threads,
    log,
    newest_checkpoint,
    put,
    put_many,
    seal_all,
    seal_now,
)

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]


class Writer(threading.Thread):
    """A transaction that appends one entry, then waits to be told how to end."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.told = threading.Event(), threading.Event()
        self.commits = True
        self.id: UUID | None = None
        self.start()
        assert self.written.wait(20)

    def run(self) -> None:
        try:
            with transaction.atomic():
                self.id = append(Noted(), actor=SOMEBODY, at=database_now(), subject="person:writer").id
                self.written.set()
                assert self.told.wait(60)
                transaction.set_rollback(not self.commits)
        finally:
            connections.close_all()

    def end(self, *, commit: bool = True) -> None:
        self.commits = commit
        self.told.set()
        self.join(20)
        assert not self.is_alive()


@pytest.fixture(autouse=True)
def _key_is_there() -> None:
    """Without it the first of two writers would hold the row of the key that both need."""
    with transaction.atomic():
        append(Noted(), actor=SOMEBODY, at=database_now(), subject="person:writer")


def test_places_are_contiguous_from_zero_over_rounds_and_batches() -> None:
    put_many(5)
    assert seal_now(limit=3) == sealing.Sealed(3, 3, True)
    assert seal_now(limit=3) == sealing.Sealed(3, 6, True)
    assert seal_now(limit=3) == sealing.Sealed(0, 6, False)
    put_many(2)
    assert seal_now() == sealing.Sealed(2, 8, True)
    assert len(log()) == 8 == len(set(log()))


def test_the_order_is_that_of_the_transaction_then_of_the_id() -> None:
    batches = [[one.id for one in put_many(7, start=7 * n)] for n in range(4)]
    seal_now(limit=10)  # ends in the middle of a transaction
    seal_all()
    assert log()[1:] == [entry for batch in batches for entry in batch]
    assert log() == [row[0] for row in ask("SELECT id FROM ledger_entry ORDER BY txid, id")]


def test_an_entry_whose_transaction_is_open_is_neither_sealed_nor_skipped() -> None:
    seal_all()
    early = Writer()
    late = put()
    try:
        assert seal_now() == sealing.Sealed(0, 1, False)
    finally:
        early.end()
    assert seal_all() == 3
    assert log()[1:] == [early.id, late.id]


def test_commits_in_the_opposite_order_are_all_sealed() -> None:
    seal_all()
    writers = [Writer() for _ in range(4)]
    seen = []
    for writer in reversed(writers):
        writer.end()
        sealed = seal_now()
        assert sealed is not None
        seen.append(sealed.size)
    assert seen == [1, 1, 1, 5], "only the end of the oldest transaction makes the others final"
    assert log()[1:] == [writer.id for writer in writers]


def test_a_transaction_that_is_rolled_back_holds_nothing_up_afterwards() -> None:
    seal_all()
    gone, stays = Writer(), Writer()
    stays.end()
    gone.end(commit=False)
    seal_all()
    assert log()[1:] == [stays.id]


def test_of_two_sealers_at_once_one_works_and_the_other_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    put_many(10)
    holding, done = threading.Event(), threading.Event()
    real = sealing._unsealed

    def slow(limit: int) -> Any:
        holding.set()
        assert done.wait(20)
        return real(limit)

    monkeypatch.setattr(sealing, "_unsealed", slow)

    def work(number: int) -> Any:
        if number == 0:
            return seal_now()
        assert holding.wait(20)
        try:
            return seal_now()
        finally:
            done.set()

    assert in_threads(2, work) == [sealing.Sealed(11, 11, True), None]
    assert len(log()) == 11


def test_the_lock_ends_with_a_sealer_that_died(monkeypatch: pytest.MonkeyPatch) -> None:
    put_many(3)
    seal_now()
    put_many(3)
    before = ask("SELECT id FROM ledger_checkpoint"), log(), list(Cursor.objects.values_list())

    def die(*_: Any, **__: Any) -> None:
        assert Leaf.objects.count() == 7, "the leaves were written before it died"
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_sign", die)
        with pytest.raises(ZeroDivisionError):
            seal_now()
    assert (ask("SELECT id FROM ledger_checkpoint"), log(), list(Cursor.objects.values_list())) == before
    assert seal_now() == sealing.Sealed(3, 7, True)
    assert audit_log().faults == []


def test_a_sealer_whose_connection_is_cut_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, super_connection: Super
) -> None:
    put_many(3)

    def cut(*_: Any, **__: Any) -> None:
        ((backend,),) = ask("SELECT pg_backend_pid()")
        super_connection.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        ask("SELECT 1")

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_sign", cut)
        with pytest.raises(DatabaseError):
            seal_now()
    connection.close()
    assert not Leaf.objects.exists() and not Checkpoint.objects.exists()
    assert seal_all() == 4


@pytest.mark.parametrize(("seconds", "signed"), [(59, False), (60, True)])
def test_silence_is_signed_every_sixty_seconds(seconds: int, signed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_all()
    then = newest_checkpoint().signed_at
    count = Checkpoint.objects.count()
    monkeypatch.setattr(sealing, "database_now", lambda: then + timedelta(seconds=seconds))
    assert seal_now() == sealing.Sealed(0, 1, signed)
    assert Checkpoint.objects.count() == count + signed
    assert audit_log().faults == []


def test_an_empty_log_is_signed_at_once(super_connection: Super) -> None:
    super_connection.execute("SET session_replication_role = replica; TRUNCATE ledger_entry;")
    assert seal_now() == sealing.Sealed(0, 0, True)
    assert bytes(newest_checkpoint().root) == EMPTY_ROOT
    assert audit_log().faults == []


def test_a_checkpoint_states_the_root_that_a_fresh_tree_has() -> None:
    signer = load_signer("log")
    for count in (1, 2, 5, 8, 13):
        put_many(count)
        seal_now()
        text = open_note(newest_checkpoint().note, [Verifier.from_vkey(signer.vkey)])
        stated = parse_checkpoint(text)
        hashes = [bytes(one) for one in Leaf.objects.order_by("index").values_list("leaf_hash", flat=True)]
        assert (stated.origin, stated.size, stated.root) == (signer.name, len(hashes), root(hashes))
    stranger = Signer.generate(signer.name)
    with pytest.raises(NoteError):
        open_note(newest_checkpoint().note, [Verifier.from_vkey(stranger.vkey)])


def test_checkpoints_are_numbered_without_gaps_though_a_round_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    seal_now()
    put()
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "Sealed", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            seal_now()
    seal_now()
    assert list(Checkpoint.objects.order_by("id").values_list("id", flat=True)) == [1, 2]


# -- a backup restored into another cluster, whose transaction ids begin lower or higher ------------------


def _restored(superuser: Super, *, shift: int) -> None:
    """The log as a restore leaves it: other ids than this cluster's, and no trace of this cluster's sealer."""
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(f"UPDATE ledger_entry SET txid = (txid::text::bigint + {shift})::text::xid8".encode())
    superuser.execute(f"UPDATE ledger_leaf SET txid = (txid::text::bigint + {shift})::text::xid8".encode())
    superuser.execute(
        f"UPDATE ledger_cursor SET name = 'sealer:1', next_index = next_index + {shift}"
        " WHERE name LIKE 'sealer:%'".encode()
    )


@pytest.mark.parametrize("shift", [1_000_000_000, -50], ids=["future", "past"])
@pytest.mark.parametrize("limit", [2, 3, 100])
def test_after_a_restore_the_rest_is_sealed_and_what_comes_then(
    shift: int, limit: int, super_connection: Super
) -> None:
    put_many(4)
    seal_all()
    put_many(5)
    _restored(super_connection, shift=shift)
    writer = Writer()  # open in the new cluster while the old entries are taken
    new = put()
    for _ in range(6):
        seal_now(limit=limit)
    assert len(log()) == 10 and new.id not in log()
    writer.end()
    for _ in range(3):
        seal_now(limit=limit)
    assert log()[10:] == [writer.id, new.id]
    put_many(3)
    seal_all()
    assert len(log()) == 15 == Entry.objects.count()
    assert audit_log().faults == []


def test_a_restored_log_that_was_idle_does_not_skip_what_this_cluster_wrote(super_connection: Super) -> None:
    seal_all()
    _restored(super_connection, shift=30)  # ids that this cluster is about to reach
    early = Writer()
    for n in range(40):
        put(n)
    early.end()
    assert seal_all() == 42
    assert early.id in log()


def test_health_counts_what_waits(super_connection: Super) -> None:
    put_many(3)
    state = health(database_now())
    assert (state.size, state.unsealed, state.checkpoint_age) == (0, 4, None)
    seal_all()
    put_many(2)
    state = health(database_now())
    assert (state.size, state.unsealed) == (4, 2) and state.checkpoint_age is not None


# -- any interleaving ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_any_interleaving_of_writers_and_sealers_loses_and_doubles_nothing(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    opened: list[Writer] = []
    committed: set[UUID] = set()
    sealed_before: list[UUID] = []

    def begin() -> None:
        opened.append(Writer())

    def finish() -> None:
        writer = opened.pop(chance.randrange(len(opened)))
        commits = chance.random() < 0.7
        writer.end(commit=commits)
        if commits:
            assert writer.id is not None
            committed.add(writer.id)

    def seal_round() -> None:
        nonlocal sealed_before
        seal_now(limit=chance.choice([1, 2, 100]))
        now = log()
        assert now[: len(sealed_before)] == sealed_before, "what has a place keeps it"
        assert set(now) - {first} <= committed, "only what is committed has a place"
        sealed_before = now

    first = next(iter(Entry.objects.values_list("id", flat=True)))
    moves: list[Callable[[], None]] = [begin, finish, seal_round]
    try:
        for _ in range(40):
            move = chance.choice(moves)
            if (move is begin and len(opened) >= 5) or (move is finish and not opened):
                move = seal_round
            move()
    finally:
        while opened:
            finish()
    seal_all()
    assert set(log()) == committed | {first} and len(log()) == len(committed) + 1
    assert audit_log().faults == []


def test_writers_and_sealers_that_run_freely() -> None:
    def work(number: int) -> list[UUID]:
        made = []
        if number < 2:
            for _ in range(60):
                seal_now(limit=7)
            return []
        chance = random.Random(number)  # noqa: S311
        for _ in range(25):
            with transaction.atomic():
                one = append(Noted(said="x"), actor=SOMEBODY, at=database_now(), subject=f"run:{number}")
                kept = chance.random() < 0.8
                transaction.set_rollback(not kept)
            if kept:
                made.append(one.id)
        return made

    made = {entry for batch in in_threads(8, work) for entry in batch}
    seal_all()
    assert len(log()) == len(made) + 1 and made < set(log())
    assert audit_log().faults == []
