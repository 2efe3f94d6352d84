"""What every test stands on: a real PostgreSQL, a database per worker, and the app's own role in it."""

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from portal.embedded.postgres import Urls
from portal.ledger import vault
from tests.database import baseline
from tests.database.server import GIVEN, start_cluster, urls_for
from tests.database.template import copy_database, drop, ensure_template
from tests.organisation import agent, organisation

__all__ = ["agent", "organisation"]

# A test proves something that could fail, never how fast this machine is today.
hypothesis.settings.register_profile(
    "bailiwick", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("bailiwick")


@pytest.fixture(scope="session")
def postgres_super_url() -> Iterator[str]:
    """The superuser's URL to the maintenance database of the server under test.

    Each testing process has a server of its own: what the sealer may seal is judged over the whole server
    (pg_snapshot_xmin), so the open transactions of a neighbour would decide what a test sees.
    """
    known = os.environ.get(GIVEN)
    if known:
        yield known
        return
    cluster = start_cluster()
    try:
        yield cluster.urls("postgres").super
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def database_urls(postgres_super_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Urls]:
    """URLs of this worker's own database, migrated and with the grants of production."""
    name = f"test_bailiwick_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    template = ensure_template(postgres_super_url)
    copy_database(postgres_super_url, template=template, name=name)
    keys = tmp_path_factory.mktemp("bailiwick") / "keys"
    shutil.copytree(template.keys, keys)
    settings.BAILIWICK_KEY_DIR = keys
    settings.BAILIWICK_DATA_DIR = keys.parent
    yield urls_for(postgres_super_url, name)
    with psycopg.connect(postgres_super_url, autocommit=True) as connection:
        drop(connection, name)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker, database_urls: Urls
) -> Iterator[None]:
    """Point Django at the worker's database AS THE APP'S ROLE, so that missing grants fail a test."""
    _point("default", database_urls.app)
    with pytest.MonkeyPatch.context() as patch:
        # Tests that are rolled back come first and leave the sequences where they were: once, before all others.
        once = functools.cache(lambda: reset_database(database_urls))
        patch.setattr(TransactionTestCase, "_fixture_setup", staticmethod(once))
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: reset_database(database_urls))
        yield
    with django_db_blocker.unblock():
        connections.close_all()


def _point(alias: str, url: str) -> None:
    parts = urlsplit(url)
    address = {
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }
    settings.DATABASES[alias].update(address)
    connections[alias].settings_dict.update(address)


def reset_database(urls: Urls) -> None:
    """Back to the rows and sequences that ``upgrade`` left: what a transactional test does in the end."""
    with psycopg.connect(urls.super, autocommit=True) as connection:
        baseline.restore(connection)
    # The keys of subjects that this process remembers were in the rows that are gone now.
    vault.forget_cached_keys()


@pytest.fixture
def super_connection(db: None, database_urls: Urls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The superuser in the worker's database, for tests that tamper with what no role of ours may touch.

    Its statements commit at once: use it with ``transaction=True``, whose teardown restores every row.
    """
    with psycopg.connect(database_urls.super, autocommit=True) as connection:
        yield connection


@pytest.fixture
def erase(super_connection: psycopg.Connection[tuple[object, ...]]) -> Callable[[str], None]:
    """Destroy the keys whose subject matches a LIKE pattern, as only the owner may."""

    def destroy(subject: str) -> None:
        done = super_connection.execute("DELETE FROM ledger_subjectkey WHERE subject LIKE %s", [subject])
        assert done.rowcount, f"no key of {subject}"

    return destroy


@pytest.fixture
def key_dir(database_urls: Urls) -> Path:
    """The directory of the signing keys whose public halves the database publishes."""
    return Path(settings.BAILIWICK_KEY_DIR)
