# ruff: noqa: E501  the statements that tamper stand in tables, one to a line
"""Append-only: for the app's role by its rights, for everyone by triggers; and drift() says when not."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from psycopg import sql

from portal.embedded.postgres import Urls
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.protection import drift, protected_tables
from portal.ledger.services import provision
from portal.ledger.services.append import append
from tests.ledger.processes import upgrade
from tests.ledger.sample import SOMEBODY, Noted, ask, put, seal_now

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]
NAMED = {"ledger_entry", "ledger_entry_default", "ledger_leaf", "ledger_checkpoint", "ledger_publickey"}


@pytest.fixture
def owner(db: None, database_urls: Urls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_urls.owner, autocommit=True) as opened:
        yield opened


def _column(table: str) -> str:
    return str(ask("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table])[0][0])


def _changes(table: str) -> list[sql.Composed]:
    names = {"t": sql.Identifier(table), "c": sql.Identifier(_column(table))}
    return [
        sql.SQL(text).format(**names)
        for text in ("UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "TRUNCATE {t}", "TRUNCATE {t} CASCADE")
    ]


def test_the_tables_under_protection_are_those_we_mean() -> None:
    tables = protected_tables(connection)
    assert tables >= NAMED
    partitions = {
        name
        for (name,) in ask(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass"
        )
    }
    assert len(partitions) >= 25 and partitions <= tables
    # Other apps' append-only tables are under the same watch.
    assert tables - partitions - NAMED, "no app but the ledger has an append-only table?"


def test_the_app_role_is_refused_every_change_on_every_table_and_partition() -> None:
    put(1)
    seal_now()
    for table in sorted(protected_tables(connection)):
        for statement in _changes(table):
            with pytest.raises(ProgrammingError) as refused, connection.cursor() as cursor:
                cursor.execute(statement)
            assert getattr(refused.value.__cause__, "sqlstate", None) == "42501", statement
    assert Entry.objects.count() == 1


def test_the_owner_is_refused_every_change_of_what_is_there(owner: Super) -> None:
    put(1)
    seal_now()
    here = ask("SELECT tableoid::regclass::text FROM ledger_entry")[0][0]
    for table in sorted(NAMED - {"ledger_entry_default"} | {here}):
        for statement in _changes(table):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                owner.execute(statement)
    assert Entry.objects.count() == 1


def test_the_owner_may_truncate_no_table_and_no_partition_even_when_it_is_empty(owner: Super) -> None:
    for table in sorted(protected_tables(connection)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table)))


def test_nothing_drifts_after_upgrade() -> None:
    assert drift() == []


TAMPERINGS = {
    "update granted": ("GRANT UPDATE ON ledger_leaf TO bailiwick_app", "REVOKE UPDATE ON ledger_leaf FROM bailiwick_app",
                       "may UPDATE in ledger_leaf"),
    "one column granted": ("GRANT UPDATE (subject) ON ledger_entry TO bailiwick_app",
                           "REVOKE UPDATE (subject) ON ledger_entry FROM bailiwick_app", "may UPDATE in ledger_entry"),
    "delete granted to all": ("GRANT DELETE ON ledger_checkpoint TO PUBLIC", "REVOKE DELETE ON ledger_checkpoint FROM PUBLIC",
                              "may DELETE in ledger_checkpoint"),
    "truncate granted on a partition": ("GRANT TRUNCATE ON ledger_entry_default TO bailiwick_app",
                                        "REVOKE TRUNCATE ON ledger_entry_default FROM bailiwick_app",
                                        "may TRUNCATE in ledger_entry_default"),
    "keys may be changed": ("GRANT UPDATE ON ledger_subjectkey TO bailiwick_app",
                            "REVOKE UPDATE ON ledger_subjectkey FROM bailiwick_app", "may UPDATE in ledger_subjectkey"),
    "role owns a table": ("ALTER TABLE ledger_leaf OWNER TO bailiwick_app", "ALTER TABLE ledger_leaf OWNER TO bailiwick_owner; GRANT SELECT, INSERT ON ledger_leaf TO bailiwick_app",
                          "owns ledger_leaf"),
    "role is in the owner's": ("GRANT bailiwick_owner TO bailiwick_app", "REVOKE bailiwick_owner FROM bailiwick_app", "owns "),
    "trigger off": ("ALTER TABLE ledger_leaf DISABLE TRIGGER ledger_leaf_append_only",
                    "ALTER TABLE ledger_leaf ENABLE TRIGGER ledger_leaf_append_only", "ledger_leaf_append_only"),
    "trigger for replicas only": ("ALTER TABLE ledger_leaf ENABLE REPLICA TRIGGER ledger_leaf_append_only",
                                  "ALTER TABLE ledger_leaf ENABLE TRIGGER ledger_leaf_append_only", "ledger_leaf_append_only"),
    "trigger off in one partition": ("ALTER TABLE ledger_entry_default DISABLE TRIGGER ledger_entry_append_only",
                                     "ALTER TABLE ledger_entry_default ENABLE TRIGGER ledger_entry_append_only",
                                     "keeps ledger_entry_default append-only"),
    "all triggers off": ("ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL", "ALTER TABLE ledger_checkpoint ENABLE TRIGGER ALL",
                         "ledger_checkpoint_no_truncate"),
    "trigger dropped": ("DROP TRIGGER ledger_entry_default_no_truncate ON ledger_entry_default",
                        ("CREATE TRIGGER ledger_entry_default_no_truncate BEFORE TRUNCATE ON ledger_entry_default"
                        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"), "ledger_entry_default_no_truncate"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_drift_names_what_was_weakened(name: str, super_connection: Super) -> None:
    tamper, undo, named = TAMPERINGS[name]
    super_connection.execute(tamper.encode())
    try:
        found = drift()
    finally:
        super_connection.execute(undo.encode())
    assert any(named in sentence for sentence in found), found
    assert drift() == []


def test_drift_sees_a_trigger_function_that_no_longer_refuses(super_connection: Super) -> None:
    super_connection.execute("CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    body = ask("SELECT prosrc FROM pg_proc WHERE proname = 'ledger_refuse'")[0][0]
    make = sql.SQL("CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS {}")
    try:
        super_connection.execute(make.format(sql.Literal("BEGIN RETURN NEW; END")))
        assert any("ledger_refuse()" in sentence for sentence in drift())
        super_connection.execute(make.format(sql.Literal(body)))
        super_connection.execute("DROP TRIGGER ledger_leaf_append_only ON ledger_leaf")
        super_connection.execute("CREATE TRIGGER ledger_leaf_append_only BEFORE UPDATE OR DELETE ON ledger_leaf"
                                 " FOR EACH ROW EXECUTE FUNCTION harmless()")  # fmt: skip
        assert any("ledger_leaf_append_only" in sentence for sentence in drift())
    finally:
        super_connection.execute(make.format(sql.Literal(body)))
        super_connection.execute("DROP TRIGGER IF EXISTS ledger_leaf_append_only ON ledger_leaf")
        super_connection.execute("CREATE TRIGGER ledger_leaf_append_only BEFORE UPDATE OR DELETE ON ledger_leaf"
                                 " FOR EACH ROW EXECUTE FUNCTION ledger_refuse()")  # fmt: skip
        super_connection.execute("DROP FUNCTION harmless()")
    assert drift() == []


def test_drift_names_settings_that_can_lose_what_was_confirmed(settings: Any) -> None:
    settings.BAILIWICK_REQUIRE_DURABLE_DATABASE = True
    weak = {name for name, value in ask("SELECT name, setting FROM pg_settings WHERE name IN"
            " ('fsync', 'full_page_writes')") if value != "on"}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        try:
            found = drift()
        finally:
            cursor.execute("RESET synchronous_commit")
    assert {sentence.split(" = ")[0].split()[-1] for sentence in found} == weak | {"synchronous_commit"}


def test_a_superuser_is_not_an_application_role(database_urls: Urls) -> None:
    with _connected_as(database_urls.super):
        assert "superuser" in drift()[0]


def test_the_owner_is_not_an_application_role(database_urls: Urls) -> None:
    with _connected_as(database_urls.owner):
        assert "owns" in drift()[0]


def test_upgrade_twice_changes_nothing(database_urls: Urls) -> None:
    before = _shape()
    for _ in range(2):
        upgrade(database_urls)
        assert _shape() == before
    assert drift() == []


def test_a_partition_made_later_is_protected_as_well(owner: Super) -> None:
    try:
        owner.execute("SELECT ledger_make_partition('2061-07-15')")
        assert "ledger_entry_206107" in protected_tables(connection) and drift() == []
        put_at = datetime(2061, 7, 1, tzinfo=UTC)
        with transaction.atomic():
            append(Noted(), actor=SOMEBODY, at=put_at)
        assert ask("SELECT tableoid::regclass::text FROM ledger_entry") == [("ledger_entry_206107",)]
        for statement in _changes("ledger_entry_206107"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                owner.execute(statement)
            with pytest.raises(ProgrammingError), connection.cursor() as cursor:
                cursor.execute(statement)
    finally:
        owner.execute("DROP TABLE ledger_entry_206107")


def test_the_month_in_an_hour_has_a_partition_and_a_far_one_has_the_default() -> None:
    put(1)
    with transaction.atomic():
        append(Noted(), actor=SOMEBODY, at=datetime(2199, 1, 1, tzinfo=UTC))
    near = database_now().strftime("ledger_entry_%Y%m")
    places = ask("SELECT tableoid::regclass::text FROM ledger_entry ORDER BY recorded_at")
    assert places == [(near,), ("ledger_entry_default",)]


def test_a_month_that_the_default_partition_holds_does_not_stop_an_upgrade(database_urls: Urls, owner: Super) -> None:
    with transaction.atomic():
        append(Noted(), actor=SOMEBODY, at=datetime(2081, 3, 31, 23, 59, 59, tzinfo=UTC))
    with _connected_as(database_urls.owner):
        provision.make_partitions(alias="default", today=date(2081, 3, 1), months=1)
    made = [str(name) for (name,) in ask("SELECT relname FROM pg_class WHERE relname ~ '^ledger_entry_2081[0-9]{2}$'"
                                         " AND relkind = 'r' ORDER BY 1")]  # fmt: skip
    for name in made:
        owner.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    assert made == ["ledger_entry_208102", "ledger_entry_208104"]
    assert Entry.objects.count() == 1


def test_partitions_lie_edge_to_edge_from_last_month_on() -> None:
    bounds = ask("SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition"
                 " AND relname ~ '^ledger_entry_[0-9]{6}$' ORDER BY relname")  # fmt: skip
    edges = [text.split("'")[1::2] for _, text in bounds]
    assert all(left[1] == right[0] for left, right in itertools.pairwise(edges))
    assert len(edges) >= provision.MONTHS_AHEAD


@pytest.mark.parametrize("today", [date(2070, 1, 5), date(2070, 12, 31)], ids=["january", "december"])
def test_partitions_are_made_around_a_new_year(today: date, database_urls: Urls, owner: Super) -> None:
    with _connected_as(database_urls.owner):
        provision.make_partitions(alias="default", today=today, months=1)
    made = [str(name) for (name,) in owner.execute(
        "SELECT relname FROM pg_class WHERE relname ~ '^ledger_entry_20(69|70|71)[0-9]{2}$' AND relkind = 'r'"
        " ORDER BY relname").fetchall()]  # fmt: skip
    for name in made:
        owner.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    assert (
        made
        == {
            1: ["ledger_entry_206912", "ledger_entry_207001", "ledger_entry_207002"],
            12: ["ledger_entry_207011", "ledger_entry_207012", "ledger_entry_207101"],
        }[today.month]
    )


@contextmanager
def _connected_as(url: str) -> Iterator[None]:
    """Django's own connection under another role, for as long as the block lasts."""
    user, _, password = url.split("://")[1].rpartition("@")[0].partition(":")
    ours = connection.settings_dict
    connection.close()
    connection.settings_dict = {**ours, "USER": user, "PASSWORD": password}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = ours


def _shape() -> list[tuple[Any, ...]]:
    return [
        *ask(
            "SELECT relname, relkind, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        ),
        *ask("SELECT tgrelid::regclass::text, tgname FROM pg_trigger ORDER BY 1, 2"),
        *ask("SELECT vkey, role FROM ledger_publickey ORDER BY 1"),
        *ask("SELECT app, name FROM django_migrations ORDER BY 1, 2"),
    ]
