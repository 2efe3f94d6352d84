"""Package jobs that are killed, cancelled, doubled or silent: each finishes, or fails with a reason."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from time import monotonic, sleep

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from portal.embedded.postgres import Urls
from portal.errors import Conflict, InvalidTransition
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from reports.jobs import build_package
from reports.jobs.assemble_package import work_directory
from reports.models import Package
from reports.rules.package import MOST_ATTEMPTS, PackageScope
from reports.selectors.packages import package_path
from reports.services.package import Built, beat, cancel, claim, fail, finish, request_package, take
from tests.organisation import Organisation
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built, seal_all, verify

pytestmark = [pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]
PATIENCE = 180


@pytest.fixture
def _child_finds_us(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process reads the environment, which the test's settings were patched beside."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    monkeypatch.setenv("BAILIWICK_DATABASE_URL", database_urls.app)
    monkeypatch.setenv("BAILIWICK_DATA_DIR", str(settings.BAILIWICK_DATA_DIR))
    monkeypatch.setenv("BAILIWICK_KEY_DIR", str(settings.BAILIWICK_KEY_DIR))


def _unsealed_package(organisation: Organisation) -> Package:
    """One whose builder waits for the sealer: a place to be killed that does not depend on time."""
    return request_package(actor=organisation.auditor, scope=PackageScope.ALL, start=database_now() - timedelta(days=1))


@pytest.fixture
def start_child() -> Iterator[Callable[[Package], "subprocess.Popen[bytes]"]]:
    children: list[subprocess.Popen[bytes]] = []

    def start(package: Package) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "build_package", str(package.pk), "--attempt", str(package.attempt)]
        child = subprocess.Popen(command, cwd=settings.BASE_DIR, stderr=subprocess.DEVNULL)
        children.append(child)
        _until(lambda: _fresh(package).stage.startswith("Waiting"))
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()


def _fresh(package: Package) -> Package:
    return Package.objects.get(pk=package.pk)


def _until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not true():
        assert monotonic() < deadline, "it never came true"
        sleep(0.05)


def _claimed(package: Package) -> Package:
    claimed = claim(package_id=package.pk)
    assert claimed is not None
    return claimed


@pytest.mark.usefixtures("_child_finds_us")
def test_a_killed_child_is_followed_by_one_that_finishes(
    organisation: Organisation, start_child: Callable[[Package], "subprocess.Popen[bytes]"]
) -> None:
    package = _claimed(_unsealed_package(organisation))
    child = start_child(package)
    os.kill(child.pid, signal.SIGKILL)
    build_package.after_child(package.pk, package.attempt, child.wait())
    lost = _fresh(package)
    assert (lost.state, lost.attempt) == ("queued", 1)
    assert "signal 9" in lost.reason
    seal_all()
    build_package.run_build(package.pk)
    ready = _fresh(package)
    assert (ready.state, ready.attempt, ready.reason) == ("ready", 2, "")
    assert verify(package_path(ready)).returncode == 0
    assert not work_directory(package.pk).exists()


@pytest.mark.usefixtures("_child_finds_us")
def test_a_cancelled_child_ends_itself_and_leaves_nothing(
    organisation: Organisation, start_child: Callable[[Package], "subprocess.Popen[bytes]"]
) -> None:
    package = _claimed(_unsealed_package(organisation))
    child = start_child(package)
    cancel(actor=organisation.auditor, package=package)
    assert child.wait(timeout=PATIENCE) == build_package.ENDED
    build_package.after_child(package.pk, package.attempt, build_package.ENDED)
    assert _fresh(package).state == "cancelled"
    assert not package_path(package).exists()
    assert not work_directory(package.pk).exists()
    assert Entry.objects.filter(type="reports.package.cancelled").count() == 1


def test_silence_is_noticed_and_the_last_attempt_fails_with_a_reason(organisation: Organisation) -> None:
    package = _unsealed_package(organisation)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert _claimed(package).attempt == attempt
        later = database_now() + timedelta(seconds=31)
        again = build_package.requeue_lost(later)
        assert (package.pk in again) is (attempt < MOST_ATTEMPTS)
    failed = _fresh(package)
    assert failed.state == "failed"
    assert "no sign of life" in failed.reason
    assert f"{MOST_ATTEMPTS} times" in failed.reason
    assert Entry.objects.filter(type="reports.package.failed").count() == 1


def test_a_living_builder_is_left_alone_and_a_waiting_package_is_sent_again(organisation: Organisation) -> None:
    building, waiting = _claimed(_unsealed_package(organisation)), _unsealed_package(organisation)
    assert build_package.requeue_lost() == []
    assert build_package.requeue_lost(database_now() + timedelta(seconds=20)) == [waiting.pk]
    assert _fresh(building).state == "building"


def test_a_builder_whose_attempt_is_over_changes_nothing(organisation: Organisation) -> None:
    package = _claimed(_unsealed_package(organisation))
    build_package.requeue_lost(database_now() + timedelta(seconds=31))
    second = _claimed(package)
    assert not beat(package_id=package.pk, attempt=1, stage="x", done=1, total=1)
    assert not fail(package_id=package.pk, attempt=1, reason="late")
    assert beat(package_id=package.pk, attempt=2, stage="x", done=1, total=1)
    assert (_fresh(package).state, second.attempt) == ("building", 2)


def test_of_two_builders_one_builds(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ask_for_package(organisation.auditor)
    claims: list[Package | None] = []

    def one() -> None:
        claims.append(claim(package_id=package.pk))
        connections.close_all()

    threads = [Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claimed is not None for claimed in claims) == 1


def test_the_lock_refuses_a_second_process(
    organisation: Organisation, database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = _claimed(ask_for_package(organisation.auditor))
    monkeypatch.setattr(build_package, "LOCK_WAIT_SECONDS", 0)
    with psycopg.connect(database_urls.app, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [build_package._key(package.pk)])
        assert build_package.build(package.pk, package.attempt) == build_package.LOST
        # In words: the server learns that a session has ended some time after it is closed here.
        other.execute("SELECT pg_advisory_unlock_all()")
    assert build_package.build(package.pk, package.attempt) == build_package.OK
    assert _fresh(package).state == "ready"


def test_a_log_without_a_checkpoint_fails_in_words(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.jobs.assemble_package.WAIT_SECONDS", 0)
    package = _claimed(_unsealed_package(organisation))
    assert build_package.build(package.pk, package.attempt) == build_package.OK
    assert _fresh(package).state == "failed"
    assert "no signed checkpoint" in _fresh(package).reason


def test_what_is_not_sealed_is_named_as_missing(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_all()
    monkeypatch.setattr("reports.jobs.assemble_package.WAIT_SECONDS", 0)
    request_package(actor=organisation.auditor, scope=PackageScope.ALL, start=database_now() - timedelta(days=1))
    package = built(_unsealed_package(organisation))
    assert package.verdict == "incomplete"
    assert package.summary["findings"][0]["code"] == "unsealed"


def test_a_fault_of_ours_is_a_reason_and_no_file(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("reports.jobs.assemble_package.render_pdf", broken)
    package = _claimed(ask_for_package(organisation.auditor))
    build_package.build(package.pk, package.attempt)
    failed = _fresh(package)
    assert failed.state == "failed"
    assert "ZeroDivisionError" in failed.reason
    assert not package_path(package).exists()
    with pytest.raises(Conflict):
        take(actor=organisation.auditor, package=failed)
    with pytest.raises(InvalidTransition):
        cancel(actor=organisation.auditor, package=failed)


def test_finish_is_refused_after_a_cancel(organisation: Organisation) -> None:
    package = _claimed(ask_for_package(organisation.auditor))
    cancel(actor=organisation.security, package=package)
    result = Built(sha256="0" * 64, size=1, entries=1, verdict="complete", summary={})
    assert not finish(package_id=package.pk, attempt=1, built=result)
    assert _fresh(package).state == "cancelled"
