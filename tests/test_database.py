"""The database that the tests stand on: the app's role, a reset that brings back a new database, and the engine."""

import psycopg
import pytest
from django.db import ProgrammingError, connection
from django.db.backends.postgresql import base
from psycopg import sql

from portal.embedded.postgres import Urls


@pytest.mark.django_db
def test_django_connects_as_the_app_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("bailiwick_app", False)


@pytest.mark.django_db
def test_the_app_role_cannot_change_the_schema() -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute("CREATE TABLE mine (id int)")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_committed_rows_and_numbers_do_not_reach_the_next_test(turn: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM auth_group WHERE name = 'left behind'")
        assert cursor.fetchone() == (0,)
        cursor.execute("INSERT INTO auth_group (name) VALUES ('left behind') RETURNING id")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_rows_written_by_the_upgrade_survive(database_urls: Urls) -> None:
    with psycopg.connect(database_urls.super) as superuser:
        tables = superuser.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'test_baseline' AND tablename <> '#sequences'"
        ).fetchall()
        for (table,) in tables:
            assert _count(superuser, "public", table) == _count(superuser, "test_baseline", table), table


def _count(superuser: psycopg.Connection[tuple[str]], schema: str, table: str) -> object:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
    return superuser.execute(query).fetchone()


def _asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What Django's own look at a connection, which sends a statement, comes back with from now on."""
    answers: list[bool] = []
    ask = base.DatabaseWrapper.is_usable

    def noted(wrapper: base.DatabaseWrapper) -> bool:
        answers.append(ask(wrapper))
        return answers[-1]

    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", noted)
    return answers


@pytest.mark.django_db(transaction=True)
def test_a_kept_connection_that_is_well_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    asked = _asked(monkeypatch)
    assert connection.is_usable()
    assert asked == []


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_failed_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    asked = _asked(monkeypatch)
    connection.errors_occurred = True
    assert connection.is_usable()
    assert asked == [True]
    connection.errors_occurred = False


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch, database_urls: Urls
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (before,) = cursor.fetchone()
    asked = _asked(monkeypatch)
    with psycopg.connect(database_urls.super, autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [before])  # waits until it has gone
    monkeypatch.setattr(connection, "health_check_enabled", True)
    monkeypatch.setattr(connection, "health_check_done", False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (before,)
    assert asked == [False]
