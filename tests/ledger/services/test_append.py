"""Appending: with its fact or not at all, personal values never in clear, one key per subject."""

import threading
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.db import connection, transaction

from portal.ledger import vault
from portal.ledger.events import Actor, instant
from portal.ledger.models import Entry, SubjectKey
from portal.ledger.rules.canonical import CanonicalError, canonicalize
from portal.ledger.rules.commitment import commit
from portal.ledger.rules.merkle import leaf_hash
from portal.ledger.selectors.audit import audit_log
from portal.ledger.selectors.entries import (
    database_now,
    disclose,
    disclose_many,
    disclose_with_salts,
    entry_by_id,
    facts,
)
from portal.ledger.services.append import Draft, append, append_many, prepare
from tests.ledger.sample import SOMEBODY, Noted, ask, in_threads, put, put_many, seal_all

Erase = Callable[[str], None]
pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "my mother's maiden name is Oyelaran"


@pytest.fixture(autouse=True)
def _no_kept_keys() -> None:
    vault.forget_cached_keys()


def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        append(Noted(), actor=SOMEBODY, at=database_now())
    assert not Entry.objects.exists()


def _put_and_fail(**fields: Any) -> None:
    with transaction.atomic():
        put(1, **fields)
        assert Entry.objects.count() == 1
        raise ZeroDivisionError


def test_an_entry_is_rolled_back_with_its_fact() -> None:
    with pytest.raises(ZeroDivisionError):
        _put_and_fail()
    assert not Entry.objects.exists()


def test_personal_values_stand_in_no_column_in_clear() -> None:
    put(1, said=SECRET)
    columns = [name for (name,) in ask("SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_entry'::regclass")]
    assert "bytes" in columns and "sealed" in columns
    ((row, data, sealed),) = ask("SELECT e::text, e.bytes, e.sealed FROM ledger_entry e")
    for secret in (SECRET, SOMEBODY.label):
        for spelled in (secret, secret.encode().hex()):
            assert spelled not in row
        assert secret.encode() not in bytes(data) + bytes(sealed)
    # The row is spelled out whole: what is in clear is found by the same search.
    assert SOMEBODY.id in row and SOMEBODY.id.encode().hex() in row


def test_commitments_open_with_the_disclosed_salt_and_with_no_other_value() -> None:
    entry = entry_by_id(put(1, said=SECRET).id)
    committed = entry.body["commitments"]
    disclosed = disclose_with_salts(entry)
    assert disclosed.keys() == committed.keys() == {"said", "actor_label"}
    salts = {field: b64decode(item["salt"]) for field, item in disclosed.items()}
    assert {len(salt) for salt in salts.values()} == {32} and len(set(salts.values())) == 2
    for field, item in disclosed.items():
        assert commit(field, salts[field], canonicalize(item["value"])).hex() == committed[field]
        assert commit(field, salts[field], canonicalize("another")).hex() != committed[field]
    assert disclose(entry) == {"said": SECRET, "actor_label": "Ada Lovelace"}
    assert facts(entry)["said"] == SECRET and facts(entry)["number"] == 1


def test_the_same_value_twice_gives_two_commitments() -> None:
    first, second = (entry_by_id(put(1, said="same").id).body["commitments"]["said"] for _ in range(2))
    assert first != second


def test_twenty_first_uses_at_once_make_one_key_that_opens_all() -> None:
    ready = threading.Barrier(20)

    def use(number: int) -> UUID:
        ready.wait(20)
        with transaction.atomic():
            return append(Noted(said=f"v{number}"), actor=SOMEBODY, at=database_now(), subject="run:new").id

    ids = in_threads(20, use)
    assert SubjectKey.objects.filter(subject="run:new").count() == 1
    vault.forget_cached_keys()
    assert [disclose(entry_by_id(entry_id))["said"] for entry_id in ids] == [f"v{n}" for n in range(20)]


def test_a_key_whose_row_was_rolled_back_is_not_used_again() -> None:
    with pytest.raises(ZeroDivisionError):
        _put_and_fail(said="lost")
    assert not SubjectKey.objects.exists()
    kept = put(2, said="kept")
    vault.forget_cached_keys()
    assert disclose(entry_by_id(kept.id))["said"] == "kept"


def test_a_key_made_in_a_savepoint_that_was_rolled_back_is_not_used_again() -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            _put_and_fail(said="lost")
        kept = put(2, said="kept")
    assert disclose(entry_by_id(kept.id))["said"] == "kept"


def test_a_committed_key_is_asked_for_once() -> None:
    put(1, said="first")
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        put(2, said="second")
    assert not [sql for sql in seen if "ledger_subjectkey" in sql]
    assert [sql for sql in seen if "ledger_entry" in sql]


def test_without_its_key_nothing_is_disclosed_and_the_log_still_verifies(erase: Erase) -> None:
    entry = entry_by_id(put(1, said=SECRET).id)
    assert disclose(entry)
    seal_all()
    erase(entry.subject)
    # This process wrote the entry and still holds the key; what is erased is erased here too.
    assert disclose(entry) == {}
    assert disclose_many([entry]) == {entry.id: None}
    assert facts(entry) == entry.body["data"]
    assert audit_log().faults == []


def test_an_erased_subject_seen_again_does_not_open_its_past(erase: Erase) -> None:
    old = entry_by_id(put(1, said="past").id)
    erase("%")
    vault.forget_cached_keys()
    new = entry_by_id(put(2, said="present").id)
    seal_all()
    assert disclose(old) == {}
    assert disclose(new)["said"] == "present"
    assert audit_log().faults == []


def test_a_blob_opens_for_its_own_entry_only() -> None:
    first, second = (entry_by_id(put(n, said=f"v{n}").id) for n in range(2))
    first.sealed = second.sealed
    assert disclose(first) == {}


@pytest.mark.parametrize("fields", [{"extra": {"ratio": 0.5}}, {"said": 0.5}, {"extra": {"deep": [{"x": 1.0}]}}])
def test_floats_are_refused_wherever_they_stand(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="float"), transaction.atomic():
        append(Noted(**fields), actor=SOMEBODY, at=database_now())


def test_integers_that_other_readers_would_round_are_refused() -> None:
    put(2**53 - 1)
    with pytest.raises(CanonicalError):
        put(2**53)


def test_many_are_written_in_the_order_given() -> None:
    appended = put_many(50)
    entries = Entry.objects.in_bulk([one.id for one in appended])
    assert [entries[one.id].body["data"]["number"] for one in appended] == list(range(50))
    assert sorted(one.id for one in appended) == [one.id for one in appended]
    assert [bytes(entries[one.id].leaf_hash) for one in appended] == [one.leaf_hash for one in appended]


def test_none_is_written_when_one_of_many_is_refused() -> None:
    drafts = [Draft(event=Noted(number=n), actor=SOMEBODY, at=database_now()) for n in (1, 2**60)]
    with pytest.raises(CanonicalError), transaction.atomic():
        append_many(drafts)
    assert not Entry.objects.exists()


@pytest.mark.parametrize("many", [False, True])
def test_every_column_says_what_the_bytes_say(many: bool) -> None:
    now = database_now()
    draft = Draft(
        event=Noted(number=7, outcome="allow", said="x"),
        actor=Actor("agent", str(uuid4()), "Agent"),
        at=now,
        occurred_at=now - timedelta(hours=3),
        agent_id=uuid4(),
        run_id=uuid4(),
        source="check",
        source_counter=12,
    )
    with transaction.atomic():
        one = append_many([draft, draft] if many else [draft])[-1]
    entry = entry_by_id(one.id)
    body = orjson.loads(bytes(entry.bytes))
    assert canonicalize(body) == bytes(entry.bytes)
    assert leaf_hash(bytes(entry.bytes)) == bytes(entry.leaf_hash) == one.leaf_hash
    assert body == {
        "v": 1,
        "id": str(entry.id),
        "type": entry.type,
        "tv": entry.version,
        "occurred_at": instant(entry.occurred_at),
        "recorded_at": instant(entry.recorded_at),
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id},
        "agent": str(entry.agent_id),
        "run": str(entry.run_id),
        "source": entry.source,
        "counter": entry.source_counter,
        "data": {"number": 7, "outcome": entry.outcome, "extra": {}},
        "commitments": body["commitments"],
    }
    assert (entry.outcome, entry.source_counter, entry.subject) == ("allow", 12, f"run:{entry.run_id}")
    assert entry.recorded_at - entry.occurred_at == timedelta(hours=3)


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({"subject": "person:x"}, "person:x"),
        ({"actor": SOMEBODY, "run_id": UUID(int=1)}, f"person:{SOMEBODY.id}"),
        ({"run_id": UUID(int=1), "agent_id": UUID(int=2)}, f"run:{UUID(int=1)}"),
        ({"agent_id": UUID(int=2)}, f"agent:{UUID(int=2)}"),
        ({}, "system:portal"),
    ],
    ids=["stated", "person", "run", "agent", "system"],
)
def test_whose_key_the_values_go_under(given: dict[str, Any], subject: str) -> None:
    with transaction.atomic():
        row = prepare(
            Draft(**{"event": Noted(), "actor": Actor("system", "portal", "P"), "at": database_now(), **given})
        )
    assert row.subject == subject
