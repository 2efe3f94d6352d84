"""Preparing the database: month partitions, the application role's rights, the published keys."""

from datetime import date

from django.db import connections, transaction

from portal.ledger.selectors.protection import protected_tables
from portal.ledger.signing import KeyRole, load_signer

MONTHS_AHEAD = 24

# What the application may do on each table of the ledger. Nothing here can change or remove a fact.
LEDGER_RIGHTS = {
    "ledger_entry": "SELECT, INSERT",
    "ledger_leaf": "SELECT, INSERT",
    "ledger_checkpoint": "SELECT, INSERT",
    "ledger_publickey": "SELECT",
    "ledger_subjectkey": "SELECT, INSERT",  # erasing is the owner's act, never the application's
    "ledger_cursor": "SELECT, INSERT, UPDATE",
}


# A month that came before its partition was made lies in the default partition, and stays there.
_MAKE = """
SELECT ledger_make_partition(%(first)s) WHERE NOT EXISTS (
    SELECT FROM ledger_entry_default
    WHERE recorded_at >= %(first)s::timestamp AT TIME ZONE 'UTC'
      AND recorded_at < (%(first)s + interval '1 month')::timestamp AT TIME ZONE 'UTC')
"""


def make_partitions(*, alias: str, today: date, months: int = MONTHS_AHEAD) -> None:
    """Create the month partitions from last month to ``months`` ahead; needs the owner's role."""
    start = today.year * 12 + today.month - 2
    with connections[alias].cursor() as cursor:
        for month in range(start, start + months + 2):
            cursor.execute(_MAKE, {"first": date(month // 12, month % 12 + 1, 1)})


def grant_rights(*, alias: str, app_role: str) -> None:
    """Give the application's role exactly its rights; a no-op when it is also the owner."""
    connection = connections[alias]
    # In one transaction: no moment in which the role may do more than it should, or less.
    with transaction.atomic(using=alias), connection.cursor() as cursor:
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
        for table in protected_tables(connection):
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {connection.ops.quote_name(table)} FROM {role}")


def publish_keys(*, alias: str) -> None:
    """Write the public keys in force into the database, where packages and checks find them."""
    roles: tuple[KeyRole, ...] = ("log", "package", "stop", "grant")
    with connections[alias].cursor() as cursor:
        for role in roles:
            cursor.execute(
                "INSERT INTO ledger_publickey (vkey, role, added_at) VALUES (%s, %s, clock_timestamp())"
                " ON CONFLICT DO NOTHING",
                [load_signer(role).vkey, role],
            )
