"""A web process refuses to start on a ledger that could be rewritten, and says why."""

import subprocess
import sys
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from portal.embedded.postgres import Urls
from tests.ledger.processes import ROOT, environment, manage

Super = psycopg.Connection[tuple[object, ...]]
pytestmark = pytest.mark.django_db(transaction=True)
OFF = "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_append_only"
ON = "ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_append_only"


def start(urls: Urls, **more: str) -> subprocess.CompletedProcess[str]:
    """What every web worker does first: import the WSGI application."""
    return subprocess.run(
        [sys.executable, "-c", "import portal.wsgi; print('serves')"],
        cwd=ROOT,
        env=environment(urls, **more),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_it_serves_on_a_protected_ledger(database_urls: Urls) -> None:
    done = start(database_urls)
    assert (done.returncode, done.stdout) == (0, "serves\n"), done.stderr


def test_it_does_not_serve_when_a_trigger_is_off(database_urls: Urls, super_connection: Super) -> None:
    super_connection.execute(OFF)
    try:
        done = start(database_urls)
    finally:
        super_connection.execute(ON)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Bailiwick does not serve" in done.stderr
    assert "ledger_entry_append_only" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_does_not_serve_as_the_owner(database_urls: Urls) -> None:
    done = start(database_urls, BAILIWICK_DATABASE_URL=database_urls.owner)
    assert (done.returncode, done.stdout) == (1, "")
    assert "role owns " in done.stderr


def test_it_does_not_serve_on_a_server_that_loses_what_it_confirmed(
    database_urls: Urls, super_connection: Super
) -> None:
    row = super_connection.execute("SHOW fsync").fetchone()
    if row == ("on",):
        pytest.skip("the server given to the tests runs with fsync")
    done = start(database_urls, DJANGO_SETTINGS_MODULE="portal.settings.dev")
    assert (done.returncode, done.stdout) == (1, "")
    assert "fsync = off" in done.stderr


def test_it_does_not_serve_on_an_empty_database(database_urls: Urls) -> None:
    done = start(database_urls, BAILIWICK_DATABASE_URL=database_urls.app.rpartition("/")[0] + "/postgres")
    assert (done.returncode, done.stdout) == (1, "")
    assert "manage.py upgrade" in done.stderr


def test_it_does_not_serve_without_an_answer_from_the_database(database_urls: Urls) -> None:
    done = start(database_urls, BAILIWICK_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", BAILIWICK_START_WAIT="0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not answer" in done.stderr


def test_granian_ends_instead_of_serving(database_urls: Urls, super_connection: Super) -> None:
    super_connection.execute(OFF)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "portal.wsgi:application", "--port", "0"],
            cwd=ROOT,
            env=environment(database_urls),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        super_connection.execute(ON)
    assert done.returncode != 0
    assert "Bailiwick does not serve" in done.stderr


def test_the_system_check_is_silent_on_a_protected_ledger() -> None:
    call_command("check", databases=["default"], stdout=StringIO())


def test_the_system_check_names_what_drifted(super_connection: Super) -> None:
    super_connection.execute(OFF)
    try:
        with pytest.raises(SystemCheckError, match="ledger_entry_append_only"):
            call_command("check", databases=["default"])
    finally:
        super_connection.execute(ON)


def test_the_system_check_opens_no_connection_unless_asked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        call_command("check", stdout=StringIO())


def test_commands_in_processes_of_their_own(database_urls: Urls) -> None:
    empty = manage(database_urls, "verify_ledger")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "no checkpoint has ever been signed" in empty.stderr
    sealed = manage(database_urls, "seal_ledger")
    assert (sealed.returncode, sealed.stdout) == (0, "sealed 0 entries; the log has 0\n")
    good = manage(database_urls, "verify_ledger")
    assert (good.returncode, good.stdout) == (0, "0 entries and 1 checkpoints verify\n")
