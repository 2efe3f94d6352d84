"""`manage.py seal_ledger`: seals until nothing is left, and steps back from another sealer."""

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from portal.ledger.services import seal as sealing
from tests.ledger.sample import in_threads, log, put_many

pytestmark = pytest.mark.django_db(transaction=True)


def command() -> str:
    out = StringIO()
    call_command("seal_ledger", stdout=out)
    return out.getvalue()


def test_it_seals_over_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    put_many(10)
    monkeypatch.setattr(sealing.seal, "__kwdefaults__", {"limit": 4}, raising=False)
    assert command() == "sealed 10 entries; the log has 10\n"
    assert command() == "sealed 0 entries; the log has 10\n"
    assert len(log()) == 10


def test_it_steps_back_from_another_sealer() -> None:
    put_many(3)
    held, done = threading.Event(), threading.Event()

    def work(number: int) -> str:
        if number == 0:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
                held.set()
                assert done.wait(30)
                return ""
        assert held.wait(20)
        try:
            return command()
        finally:
            done.set()

    assert in_threads(2, work)[1] == "another sealer is at work; nothing was done here\n"
    assert log() == []
