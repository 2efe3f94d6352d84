"""Preparing the database: month partitions, the application role's rights, the published keys."""

from datetime import date

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.ledger.signing import KeyRole, load_signer

MONTHS_AHEAD = 24

# What the application may do on each table of the ledger. Nothing here can change or remove a fact.
LEDGER_RIGHTS = {
    "ledger_entry": "SELECT, INSERT",
    "ledger_leaf": "SELECT, INSERT",
    "ledger_checkpoint": "SELECT, INSERT",
    "ledger_publickey": "SELECT, INSERT",
    "ledger_subjectkey": "SELECT, INSERT, DELETE",
    "ledger_cursor": "SELECT, INSERT, UPDATE",
}
APPEND_ONLY = ("ledger_entry", "ledger_leaf", "ledger_checkpoint", "ledger_publickey")


def make_partitions(*, alias: str, today: date, months: int = MONTHS_AHEAD) -> None:
    """Create the month partitions from last month to ``months`` ahead; needs the owner's role."""
    start = today.year * 12 + today.month - 2
    with connections[alias].cursor() as cursor:
        for month in range(start, start + months + 2):
            cursor.execute("SELECT ledger_make_partition(%s)", [date(month // 12, month % 12 + 1, 1)])


def grant_rights(*, alias: str, app_role: str) -> None:
    """Give the application's role exactly its rights; a no-op when it is also the owner."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user = %s, to_regrole(%s) IS NULL", [app_role, app_role])
        is_owner, missing = cursor.fetchone()
        if is_owner or missing:
            return
        role = connection.ops.quote_name(app_role)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        cursor.execute(f"REVOKE UPDATE, DELETE ON django_migrations FROM {role}")
        for table, rights in LEDGER_RIGHTS.items():
            cursor.execute(f"REVOKE ALL ON {table} FROM {role}")
            cursor.execute(f"GRANT {rights} ON {table} TO {role}")
        for table in _partitions(connection) | _immutable_tables(connection):
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {connection.ops.quote_name(table)} FROM {role}")


def drift(*, alias: str = "default") -> list[str]:
    """What is wrong with the protection of the append-only tables, as sentences; empty when it holds."""
    connection = connections[alias]
    wrong = []
    with connection.cursor() as cursor:
        for table in sorted(set(APPEND_ONLY) | _immutable_tables(connection)):
            for right in ("UPDATE", "DELETE", "TRUNCATE"):
                cursor.execute(
                    "SELECT has_table_privilege(current_user, %s, %s), "
                    "pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = %s::regclass), 'MEMBER')",
                    [table, right, table],
                )
                allowed, owner = cursor.fetchone()
                if allowed and not owner:
                    wrong.append(f"The application's role may {right} in {table}.")
            cursor.execute(
                "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled IN ('O', 'A')"
                " AND tgname IN (%s, %s)",
                [table, f"{table}_append_only", f"{table}_no_truncate"],
            )
            if cursor.fetchone()[0] != 2:
                wrong.append(f"A trigger that keeps {table} append-only is missing or switched off.")
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')")
        wrong += [f"PostgreSQL runs with {name} = {value}." for name, value in cursor.fetchall() if value != "on"]
    return wrong


def publish_keys(*, alias: str) -> None:
    """Write the public keys in force into the database, where packages and checks find them."""
    roles: tuple[KeyRole, ...] = ("log", "package")
    with connections[alias].cursor() as cursor:
        for role in roles:
            cursor.execute(
                "INSERT INTO ledger_publickey (vkey, role, added_at) VALUES (%s, %s, clock_timestamp())"
                " ON CONFLICT DO NOTHING",
                [load_signer(role).vkey, role],
            )


def _partitions(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass")
        return {row[0] for row in cursor.fetchall()}


def _immutable_tables(connection: BaseDatabaseWrapper) -> set[str]:
    """Every table outside the partitions that carries the refusing trigger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgname = c.relname || '_append_only' AND NOT c.relispartition"
        )
        return {row[0] for row in cursor.fetchall()}
