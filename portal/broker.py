"""The queue inside PostgreSQL: where it is, how it is polled, and how its schema is made.

Used when BAILIWICK_BROKER_URL is empty. No extension is needed: a package carries the schema as SQL.
"""

from typing import Any
from urllib.parse import quote

import psycopg
from pgmq.install import install_pgmq_from_sql
from psycopg import sql

# Measured with late acknowledgement: the default's long poll holds the first task back for ten seconds, and a
# prefetch of 1 polls only when a thread is free (2-3 tasks a second).
TRANSPORT_OPTIONS: dict[str, Any] = {
    "init_extension": False,
    "wait_time_seconds": 0,
    "polling_interval": 0.1,
    "visibility_timeout": 1800,
}
PREFETCH = 4


def url(database: dict[str, Any]) -> str:
    """The broker URL for one entry of Django's DATABASES."""
    user, password, name = (quote(str(database[key]), safe="") for key in ("USER", "PASSWORD", "NAME"))
    return f"pgmq://{user}:{password}@{database['HOST']}:{database['PORT'] or 5432}/{name}"


def install(owner_url: str, *, app_role: str) -> bool:
    """Make the queue's schema as the owner and let the app's role work in it; False when it was there.

    The app's role may create tables in this schema, and only in this one: a queue is a table.
    """
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL").fetchone()
        there = bool(row and row[0])
        if not there:
            install_pgmq_from_sql(conn=connection)
        role = sql.Identifier(app_role)
        for right in (
            "GRANT USAGE, CREATE ON SCHEMA pgmq TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgmq TO {}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA pgmq TO {}",
        ):
            if not there:
                connection.execute(sql.SQL(right).format(role))
    return not there
