"""What a supervisor is told: alive, ready, and otherwise every reason why not."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client

from portal import health
from portal.ledger.models import Checkpoint
from tests.ledger.sample import put, seal_all, seal_now

Super = psycopg.Connection[tuple[object, ...]]
pytestmark = pytest.mark.django_db(transaction=True)


def reasons(client: Client, status: int = 503) -> list[str]:
    response = client.get("/readyz")
    body = response.json()
    assert (response.status_code, body["ready"]) == (status, status == 200)
    assert response["Cache-Control"] == "no-store"
    return list(body["reasons"])


def test_alive_says_nothing_about_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_ready_when_the_log_is_signed_and_protected(client: Client) -> None:
    seal_now()
    assert reasons(client, 200) == []


def test_not_ready_before_the_first_checkpoint(client: Client) -> None:
    assert reasons(client) == ["No checkpoint has been signed yet; is a worker running?"]


@pytest.mark.parametrize(("age", "ready"), [(110, True), (131, False)])
def test_not_ready_when_sealing_stands_still(
    age: int, ready: bool, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    seal_all()
    signed = Checkpoint.objects.latest("id").signed_at
    monkeypatch.setattr(health, "database_now", lambda: signed + timedelta(seconds=age))
    said = reasons(client, 200 if ready else 503)
    assert said == ([] if ready else ["The last checkpoint is 131 s old; is a worker running?"])


def test_not_ready_when_a_trigger_is_gone(client: Client, super_connection: Super) -> None:
    seal_now()
    super_connection.execute("ALTER TABLE ledger_leaf DISABLE TRIGGER ledger_leaf_append_only")
    try:
        said = reasons(client)
    finally:
        super_connection.execute("ALTER TABLE ledger_leaf ENABLE TRIGGER ledger_leaf_append_only")
    assert len(said) == 1 and "ledger_leaf_append_only" in said[0]


def test_not_ready_when_the_app_may_delete(client: Client, super_connection: Super) -> None:
    seal_now()
    super_connection.execute("GRANT DELETE ON ledger_entry TO bailiwick_app")
    try:
        said = reasons(client)
    finally:
        super_connection.execute("REVOKE DELETE ON ledger_entry FROM bailiwick_app")
    assert said == ["The application's role may DELETE in ledger_entry."]


def test_not_ready_when_a_migration_is_missing(client: Client, super_connection: Super) -> None:
    seal_now()
    row = super_connection.execute(
        "DELETE FROM django_migrations WHERE app = 'reports' AND name LIKE '0002%' RETURNING id, app, name, applied"
    ).fetchone()
    assert row is not None
    try:
        assert reasons(client) == ["The database is not at this version; run `manage.py upgrade`."]
    finally:
        super_connection.execute("INSERT INTO django_migrations VALUES (%s, %s, %s, %s)", row)


def test_not_ready_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(health, "MigrationExecutor", gone)
    assert reasons(client) == ["The database does not answer."]
