"""Following: each sealed entry once, in order, and nothing twice or lost when the follower fails."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from portal.ledger.models import Cursor, Entry
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.follow import follow
from tests.ledger.sample import SOMEBODY, Noted, Other, in_threads, log, put, put_many, seal_all, seal_now

pytestmark = pytest.mark.django_db(transaction=True)
NOTED = {Noted.TYPE}


class Reader:
    def __init__(self) -> None:
        self.calls: list[list[Any]] = []

    def __call__(self, entries: Sequence[Entry]) -> None:
        self.calls.append([entry.id for entry in entries])

    @property
    def seen(self) -> list[Any]:
        return [entry for call in self.calls for entry in call]


def test_each_sealed_entry_comes_once_and_in_order() -> None:
    reader = Reader()
    put_many(12)
    assert follow("a", types=NOTED, handle=reader) == 0, "what is not sealed is not read"
    seal_all()
    assert follow("a", types=NOTED, handle=reader, limit=5) == 5
    put_many(3)
    seal_all()
    passed = []
    while count := follow("a", types=NOTED, handle=reader, limit=5):
        passed.append(count)
    assert passed == [5, 5]
    assert reader.seen == log() and [len(call) for call in reader.calls] == [5, 5, 5]


def test_only_the_types_asked_for_come_and_the_cursor_passes_the_others() -> None:
    reader = Reader()
    with transaction.atomic():
        mine = [append(Other(number=n), actor=SOMEBODY, at=database_now()).id for n in range(2)]
    put_many(6)
    seal_all()
    assert follow("a", types={Other.TYPE}, handle=reader) == 8
    assert reader.seen == mine
    assert follow("a", types={"tests.nothing"}, handle=reader) == 0
    put()
    seal_all()
    assert follow("a", types={"tests.nothing"}, handle=reader) == 1
    assert len(reader.calls) == 1, "nobody is called with nothing"


def test_followers_of_other_names_read_for_themselves() -> None:
    first, second = Reader(), Reader()
    put_many(4)
    seal_all()
    follow("first", types=NOTED, handle=first)
    follow("second", types=NOTED, handle=second)
    assert first.seen == second.seen == log()


def test_a_handler_that_fails_leaves_the_cursor_and_takes_back_what_it_wrote() -> None:
    put_many(4)
    seal_all()
    follow("a", types=NOTED, handle=lambda _: None, limit=2)

    def fails(entries: Sequence[Entry]) -> None:
        Group.objects.create(name="half done")
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            follow("a", types=NOTED, handle=fails)
    assert Cursor.objects.get(name="a").next_index == 2
    assert not Group.objects.filter(name="half done").exists()
    reader = Reader()
    follow("a", types=NOTED, handle=reader)
    assert reader.seen == log()[2:]


def test_a_follower_that_failed_at_its_very_first_batch_starts_at_the_beginning() -> None:
    put_many(2)
    seal_all()
    with pytest.raises(ZeroDivisionError):
        follow("new", types=NOTED, handle=lambda _: 1 // 0)  # type: ignore[arg-type]
    reader = Reader()
    follow("new", types=NOTED, handle=reader)
    assert reader.seen == log()


def test_two_processes_under_one_name_do_not_both_read() -> None:
    put_many(4)
    seal_all()
    follow("a", types=NOTED, handle=lambda _: None, limit=1)
    inside, other_done = threading.Event(), threading.Event()
    reader = Reader()

    def slow(entries: Sequence[Entry]) -> None:
        reader(entries)
        inside.set()
        assert other_done.wait(20)

    def work(number: int) -> int:
        if number == 0:
            return follow("a", types=NOTED, handle=slow)
        assert inside.wait(20)
        try:
            return follow("a", types=NOTED, handle=reader)
        finally:
            other_done.set()

    assert in_threads(2, work) == [3, 0]
    assert reader.seen == log()[1:]


def test_many_processes_meet_a_new_name_at_once() -> None:
    put_many(30)
    seal_all()
    reader, together = Reader(), threading.Barrier(6)

    def work(_: int) -> None:
        together.wait(20)
        for _ in range(20):
            follow("new", types=NOTED, handle=reader, limit=3)

    in_threads(6, work)
    while follow("new", types=NOTED, handle=reader):
        continue
    assert sorted(reader.seen) == sorted(log()) and reader.seen == log()


def test_a_follower_reads_across_batches_that_the_sealer_adds_meanwhile() -> None:
    reader = Reader()
    for round_number in range(5):
        put(round_number)
        seal_now()
        follow("a", types=NOTED, handle=reader)
    assert reader.seen == log()
