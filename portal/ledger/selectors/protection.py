"""Finding what weakens the ledger: rights, triggers and settings that are not as `upgrade` left them."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.ledger.protect import REFUSAL

# Named here and not found: a table whose trigger was dropped would otherwise no longer count.
APPEND_ONLY = ("ledger_entry", "ledger_leaf", "ledger_checkpoint", "ledger_publickey")
# Of the ledger's other tables: what may never be granted.
_NEVER = {"ledger_subjectkey": ("UPDATE", "DELETE", "TRUNCATE"), "ledger_cursor": ("DELETE", "TRUNCATE")}
_CHANGES = ("UPDATE", "DELETE", "TRUNCATE")

_TABLES = """
SELECT c.relname FROM pg_class c
WHERE c.relname = ANY (%s)
   OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('ledger_entry'))
   OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_append_only')
"""
_RIGHTS = """
SELECT c.relname, r.name FROM pg_class c, unnest(%s::text[], %s::text[]) AS r (name, of)
WHERE c.relname = r.of AND c.relnamespace = 'public'::regnamespace
  AND (has_table_privilege(c.oid, r.name)
       OR r.name = 'UPDATE' AND has_any_column_privilege(c.oid, 'UPDATE'))
"""
_OWNED = """
SELECT c.relname FROM pg_class c
WHERE c.relname = ANY (%s) AND c.relnamespace = 'public'::regnamespace
  AND pg_has_role(current_user, c.relowner, 'MEMBER')
"""
# A trigger on rows has the name of the partitioned table in each partition; one on statements its own.
_TRIGGERS = """
SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t
WHERE t.tgenabled IN ('O', 'A') AND t.tgfoid = to_regproc('ledger_refuse')
"""
_DURABLE = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
}


def protected_tables(connection: BaseDatabaseWrapper) -> set[str]:
    """Every append-only table, the partitions of the entries included."""
    return {name for (name,) in _ask(connection, _TABLES, [list(APPEND_ONLY)])}


def drift(*, alias: str = "default") -> list[str]:
    """What is wrong with the protection of the append-only tables, as sentences; empty when it holds."""
    connection = connections[alias]
    (user, superuser), *_ = _ask(connection, "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user", [])
    if superuser:
        return [f"The application connects as {user}, a superuser, whom nothing can hold back."]
    return [*_rights(connection), *_triggers(connection), *_weak_settings(connection)]


def _rights(connection: BaseDatabaseWrapper) -> Iterator[str]:
    tables = sorted(protected_tables(connection))
    owned = {name for (name,) in _ask(connection, _OWNED, [[*tables, *_NEVER]])}
    if owned:
        yield f"The application's role owns {min(owned)}, so it could switch the protection off."
        return
    pairs = [(right, table) for table in tables for right in _CHANGES]
    pairs += [(right, table) for table, rights in _NEVER.items() for right in rights]
    names, of = zip(*pairs, strict=True)
    for table, right in sorted(_ask(connection, _RIGHTS, [list(names), list(of)])):
        yield f"The application's role may {right} in {table}."


def _triggers(connection: BaseDatabaseWrapper) -> Iterator[str]:
    present = set(_ask(connection, _TRIGGERS, []))
    partitions = {
        name
        for (name,) in _ask(
            connection,
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass('ledger_entry')",
            [],
        )
    }
    for table in sorted(protected_tables(connection)):
        of_rows = "ledger_entry" if table in partitions else table
        for trigger in (f"{of_rows}_append_only", f"{table}_no_truncate"):
            if (table, trigger) not in present:
                yield f"The trigger {trigger}, which keeps {table} append-only, is missing or switched off."
    body = _ask(connection, "SELECT prosrc FROM pg_proc WHERE oid = to_regproc('ledger_refuse')", [])
    if body != [(REFUSAL,)]:
        yield "The function ledger_refuse(), which the triggers call, is not the one that refuses."


def _weak_settings(connection: BaseDatabaseWrapper) -> Iterator[str]:
    if not settings.BAILIWICK_REQUIRE_DURABLE_DATABASE:
        return
    rows = _ask(connection, "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [list(_DURABLE)])
    for name, value in sorted(rows):
        if value not in _DURABLE[name]:
            yield f"PostgreSQL runs with {name} = {value}; what was recorded can be lost."


def _ask(connection: BaseDatabaseWrapper, statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
