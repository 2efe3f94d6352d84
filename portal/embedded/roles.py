"""Creates the two roles and the database that the portal works with, once per cluster."""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

from portal.embedded.creation import APP, OWNER

DATABASE = "bailiwick"
_RIGHTS = {OWNER: sql.SQL("CREATEDB"), APP: sql.SQL("NOCREATEDB")}


def ensure_roles(super_url: str, passwords: Mapping[str, str]) -> None:
    """The owner role (owns and migrates the database), the plain app role, the database; may run twice."""
    with psycopg.connect(super_url, autocommit=True) as connection:
        for role, right in _RIGHTS.items():
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                _create_role(connection, role=role, right=right, password=passwords[role])
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            names = (sql.Identifier(DATABASE), sql.Identifier(OWNER))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: LiteralString, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None


def _create_role(
    connection: psycopg.Connection[tuple[object, ...]], *, role: str, right: sql.SQL, password: str
) -> None:
    # The verifier is computed here, so the password itself never reaches the server or its log.
    made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    verifier = sql.Literal(made.decode())
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(sql.Identifier(role), right, verifier))
