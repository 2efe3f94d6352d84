"""Brings a database back to the state right after `manage.py upgrade`, for tests that commit.

Django's flush cannot: the ledger's triggers forbid TRUNCATE, the app's role may not, and rows that the
migrations and the upgrade wrote would be lost. So the rows and the sequences of a new database are remembered
in a schema of their own.
"""

import time

import psycopg
from psycopg import sql
from psycopg.errors import DeadlockDetected

_SCHEMA = "test_baseline"
_TRIES = 5
# Never written by a test, and referred to by caches inside Django.
_KEPT = ("django_migrations", "django_content_type", "auth_permission")
_TABLES = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname <> ALL (%s) AND left(c.relname, 1) <> '#' ORDER BY 1
"""
_COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_REMEMBER_SEQUENCES = """
    CREATE TABLE {}."#sequences" AS
    SELECT format('%I.%I', schemaname, sequencename) AS name, coalesce(last_value, start_value) AS value,
    last_value IS NOT NULL AS is_called FROM pg_sequences WHERE schemaname = 'public'
"""
_REWIND_SEQUENCES = 'SELECT setval(name::regclass, value, is_called) FROM {}."#sequences"'

Connection = psycopg.Connection[tuple[object, ...]]


def take(super_url: str) -> None:
    """Remember every row and sequence of a newly made database."""
    with psycopg.connect(super_url) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCHEMA)))
        connection.execute(sql.SQL(_REMEMBER_SEQUENCES).format(sql.Identifier(_SCHEMA)))
        for table in _filled(connection, _tables(connection, "public")):
            columns = sql.SQL(", ").join(map(sql.Identifier, _columns(connection, table)))
            names = (sql.Identifier(_SCHEMA, table), columns, sql.Identifier("public", table))
            connection.execute(sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}").format(*names))


def restore(connection: Connection) -> None:
    """Remove what tests committed and put the remembered rows back, in one transaction.

    A page that was just closed may have asked for something that the server is still reading: of the two PostgreSQL
    may choose this one to give way, and the reader is gone a moment later.
    """
    for _ in range(_TRIES - 1):
        try:
            return _restore(connection)
        except DeadlockDetected:
            time.sleep(0.2)
    return _restore(connection)


def _restore(connection: Connection) -> None:
    remembered = _tables(connection, _SCHEMA)
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '20s'")
        # Ordinary triggers, the ledger's guards among them, do not fire for a replica.
        connection.execute("SET LOCAL session_replication_role = 'replica'")
        filled = _filled(connection, _tables(connection, "public"))
        if filled:
            names = sql.SQL(", ").join(sql.Identifier("public", table) for table in {*filled, *remembered})
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
            for table in remembered:
                _put_back(connection, table)
        connection.execute(sql.SQL(_REWIND_SEQUENCES).format(sql.Identifier(_SCHEMA)))


def _put_back(connection: Connection, table: str) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, _columns(connection, table)))
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            sql.Identifier("public", table), columns, columns, sql.Identifier(_SCHEMA, table)
        )
    )


def _tables(connection: Connection, schema: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(_TABLES, [schema, list(_KEPT)]).fetchall()]


def _columns(connection: Connection, table: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(_COLUMNS, [f'public."{table}"']).fetchall()]


def _filled(connection: Connection, tables: list[str]) -> list[str]:
    """Those of `tables` that hold a row, asked in one statement."""
    if not tables:
        return []
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(table), sql.Identifier("public", table))
        for table in tables
    )
    return [str(name) for (name,) in connection.execute(asked).fetchall()]
