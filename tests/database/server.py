"""The PostgreSQL of a test session: one embedded cluster per session, kept warm between sessions."""

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from portal.embedded.creation import APP, OWNER
from portal.embedded.errors import DataInUseError, EmbeddedError
from portal.embedded.postgres import Cluster, Urls

GIVEN = "BAILIWICK_TEST_DATABASE_SUPER_URL"
_PASSWORD = "only-for-tests"
_SLOTS = 32


def start_cluster() -> Cluster:
    """Start the first cluster that no other session is using.

    Sessions that run at the same time get a slot each. A slot outlives its session, so initdb and the
    migrations are paid once, and what a killed session left running is found and ended by the next one.
    """
    root = Path(tempfile.gettempdir()) / f"bailiwick-tests-{os.geteuid()}"
    root.mkdir(mode=0o711, exist_ok=True)
    if root.stat().st_uid != os.geteuid():
        raise EmbeddedError(f"{root} belongs to somebody else.")
    for number in range(_SLOTS):
        slot = root / f"slot-{number}"
        slot.mkdir(mode=0o711, exist_ok=True)
        try:
            return _start(slot)
        except DataInUseError:
            continue
    raise EmbeddedError(f"All {_SLOTS} test clusters in {root} are in use.")


def _start(slot: Path) -> Cluster:
    cluster = Cluster(slot, fast=True, start_seconds=60)
    try:
        cluster.start()
    except DataInUseError:
        raise
    except EmbeddedError:
        # Without fsync a power cut may ruin the data; nothing in them is worth keeping.
        shutil.rmtree(slot / "data", ignore_errors=True)
        (slot / "passwords.json").unlink(missing_ok=True)
        cluster.start()
    return cluster


def urls_for(super_url: str, database: str) -> Urls:
    """The three roles' URLs to `database` on the server of `super_url`."""
    parts = urlsplit(super_url)
    address = parts.netloc.rpartition("@")[2]

    def url(credentials: str) -> str:
        return urlunsplit((parts.scheme, f"{credentials}@{address}", f"/{database}", parts.query, ""))

    return Urls(
        app=url(f"{APP}:{_PASSWORD}"),
        owner=url(f"{OWNER}:{_PASSWORD}"),
        super=url(parts.netloc.rpartition("@")[0]),
    )


def ensure_test_roles(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The roles with a password that the tests know; also on a server given by the developer."""
    for role in (OWNER, APP):
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = sql.SQL("ALTER ROLE {} {}" if found else "CREATE ROLE {} {}")
        rights = sql.SQL("LOGIN CREATEDB PASSWORD {}" if role == OWNER else "LOGIN PASSWORD {}")
        connection.execute(verb.format(sql.Identifier(role), rights.format(sql.Literal(_PASSWORD))))
