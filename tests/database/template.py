"""A migrated database to copy from, remade when anything that shapes it has changed."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from portal.embedded.creation import OWNER
from tests.database import baseline
from tests.database.server import ensure_test_roles, urls_for

ROOT = Path(__file__).resolve().parent.parent.parent
_APPS = ("portal", "registry", "approvals", "reports")
_SHAPING = ("migrations/*.py", "management/commands/upgrade.py", "services/provision.py", "*.sql")
_LOCK = 4_108_800


@dataclass(frozen=True)
class Template:
    """The database to copy, and the keys whose public halves are published in it."""

    name: str
    keys: Path


def ensure_template(super_url: str) -> Template:
    """The template for the sources as they are now, made by `manage.py upgrade` itself when there is none."""
    digest = _digest()
    with psycopg.connect(super_url, autocommit=True) as connection:
        keys = _keys_root(connection) / digest
        template = Template(name=f"bailiwick_template_{digest}", keys=keys)
        # One worker makes it, the others wait here.
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        if not (_exists(connection, template.name) and template.keys.is_dir()):
            _drop_others(connection)
            _make(connection, super_url, template)
    return template


def copy_database(super_url: str, *, template: Template, name: str) -> None:
    """Replace database `name` by a fresh copy of the template."""
    with psycopg.connect(super_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        drop(connection, name)
        _create(connection, name, template.name)


def drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str, template: str) -> None:
    names = (sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER))
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*names))


def _exists(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    return found is not None


def _drop_others(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'bailiwick\\_template\\_%'"
    ).fetchall()
    for (name,) in rows:
        drop(connection, str(name))


def _make(connection: psycopg.Connection[tuple[object, ...]], super_url: str, template: Template) -> None:
    """Built under another name: a template that failed half way must not be found next time."""
    unfinished = "bailiwick_unfinished_template"
    shutil.rmtree(template.keys, ignore_errors=True)
    template.keys.mkdir(parents=True, mode=0o700)
    ensure_test_roles(connection)
    drop(connection, unfinished)
    _create(connection, unfinished, "template0")
    urls = urls_for(super_url, unfinished)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "BAILIWICK_DATABASE_URL": urls.app,
        "BAILIWICK_DATABASE_OWNER_URL": urls.owner,
        "BAILIWICK_DATA_DIR": str(template.keys.parent),
        "BAILIWICK_KEY_DIR": str(template.keys),
    }
    made = subprocess.run(
        [sys.executable, "manage.py", "upgrade", "--skip-checks"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise RuntimeError(f"manage.py upgrade failed:\n{made.stdout[-2000:]}\n{made.stderr[-6000:]}")
    baseline.take(urls.super)
    names = (sql.Identifier(unfinished), sql.Identifier(template.name))
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def _keys_root(connection: psycopg.Connection[tuple[object, ...]]) -> Path:
    """A place per server: the keys belong to the database in which their public halves are published."""
    row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    server = row[0] if row else 0
    return Path(tempfile.gettempdir()) / f"bailiwick-tests-{os.geteuid()}" / f"keys-{server}"


def _digest() -> str:
    """Changes with every file that shapes a new database, and with the month, which has its own partition."""
    shape = hashlib.sha256(datetime.now(UTC).strftime("%Y-%m").encode())
    paths = {path for app in _APPS for pattern in _SHAPING for path in (ROOT / app).rglob(pattern)}
    for path in [*sorted(paths), ROOT / "requirements.lock"]:
        shape.update(str(path.relative_to(ROOT)).encode())
        shape.update(path.read_bytes())
    return shape.hexdigest()[:16]
