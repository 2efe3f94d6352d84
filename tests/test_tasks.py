"""The tasks: sealing goes on to the end, and one failing follower holds up nobody else."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

from portal import celery, tasks
from portal.celery import app
from portal.ledger.models import Cursor, Entry
from portal.subscriptions import Follower
from tests.ledger.sample import Noted, log, put_many

pytestmark = pytest.mark.django_db(transaction=True)


def test_sealing_is_followed_by_reading(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[object] = []

    def fails(entries: Sequence[Entry]) -> None:
        raise ZeroDivisionError

    def reads(entries: Sequence[Entry]) -> None:
        seen.extend(entry.id for entry in entries)

    followers = {"broken": Follower({Noted.TYPE}, fails), "sound": Follower({Noted.TYPE}, reads)}
    monkeypatch.setattr(tasks, "FOLLOWERS", followers)
    put_many(12)
    tasks.seal_log()
    assert seen == log()
    assert len(seen) == 12
    assert "The follower broken failed" in caplog.text
    assert dict(Cursor.objects.filter(name__in=followers).values_list("name", "next_index")) == {"sound": 12}
    followers["broken"] = Follower({Noted.TYPE}, reads)
    seen.clear()
    tasks.seal_log()
    assert seen == log(), "the follower that is repaired reads what it could not"


def test_every_entry_of_the_schedule_names_a_task_that_takes_no_more_than_it_is_given() -> None:
    """The nightly count and the rest of the schedule run with nothing there to do."""
    names = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"portal.tasks.count_use", "portal.tasks.close_recertifications", "portal.tasks.sweep_backtests"} <= names
    for name in sorted(names):
        task = app.tasks[name]
        assert task.name == name
        task()


def test_whoever_sends_a_task_by_name_reaches_the_portals_queue() -> None:
    """Requests are answered in threads of the server, which made no app of their own."""
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: current_app.main).result() == app.main
    # The server imports the app; reading it is enough, as importing the entry point here would publish a stop file.
    assert "import portal.celery" in Path(celery.__file__).with_name("wsgi.py").read_text(encoding="utf-8")
