"""The database that the tests stand on: the app's role, and a reset that brings back a new database."""

import psycopg
import pytest
from django.db import ProgrammingError, connection
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
