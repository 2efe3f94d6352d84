# ruff: noqa: E501  the statements that tamper stand in tables, one to a line
"""The audit of the log: silent on a true log, and loud, with the first bad index, on every tampering."""

from collections.abc import Callable
from io import StringIO

import orjson
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from portal.ledger.models import Checkpoint
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.rules.merkle import leaf_hash
from portal.ledger.rules.note import Signer, checkpoint_text, parse_checkpoint
from portal.ledger.selectors.audit import audit_log
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.signing import load_signer
from tests.ledger.sample import SOMEBODY, Noted, ask, put, put_many, seal_all, seal_now

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]
BAD = 3
SIZE = 8


@pytest.fixture
def tampering(super_connection: Super) -> Super:
    """A sealed log of eight entries in three batches, and a superuser for whom no trigger fires."""
    for count in (2, 4, 2):
        put_many(count)
        seal_now()
    super_connection.execute("SET session_replication_role = replica")
    assert audit_log().faults == []
    return super_connection


def verify() -> str:
    """The exit code and what `manage.py verify_ledger` says, as one text."""
    out, errors = StringIO(), StringIO()
    try:
        call_command("verify_ledger", stdout=out, stderr=errors)
    except CommandError as error:
        return f"exit {error.returncode}: {error}\n{errors.getvalue()}"
    return f"exit 0: {out.getvalue()}"


def test_a_true_log_verifies() -> None:
    put_many(20)
    seal_now(limit=7)
    seal_all()
    assert verify() == "exit 0: 20 entries and 2 checkpoints verify\n"


def test_a_log_without_a_checkpoint_is_not_ok() -> None:
    assert verify().startswith("exit 1: ") and "no checkpoint has ever been signed" in verify()


def test_an_empty_log_with_its_checkpoint_is_ok() -> None:
    seal_now()
    assert verify() == "exit 0: 0 entries and 1 checkpoints verify\n"


AT = f"(SELECT entry_id FROM ledger_leaf WHERE index = {BAD})"
LOG_TAMPERINGS: dict[str, tuple[str, int | None, str]] = {
    "bytes flipped": (f"UPDATE ledger_entry SET bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1) WHERE id = {AT}",
                      BAD, "do not hash to the leaf"),
    "bytes longer": (f"UPDATE ledger_entry SET bytes = bytes || ' '::bytea WHERE id = {AT}", BAD, "not canonical"),
    "bytes emptied": (f"UPDATE ledger_entry SET bytes = '' WHERE id = {AT}", BAD, "not canonical"),
    "leaf hash in the log": ((f"UPDATE ledger_leaf SET leaf_hash = set_byte(leaf_hash, 0, get_byte(leaf_hash, 0) # 1)"
                             f" WHERE index = {BAD}"), BAD, "do not hash to the leaf"),
    "leaf hash in the entry": ((f"UPDATE ledger_entry SET leaf_hash = set_byte(leaf_hash, 31, get_byte(leaf_hash, 31) # 1)"
                               f" WHERE id = {AT}"), BAD, "own leaf hash differs"),
    "entry deleted": (f"DELETE FROM ledger_entry WHERE id = {AT}", BAD, "is gone"),
    "leaf deleted in the middle": (f"DELETE FROM ledger_leaf WHERE index = {BAD}", BAD, "missing"),
    "first leaf deleted": ("DELETE FROM ledger_leaf WHERE index = 0", 0, "missing"),
    "leaves and entry renumbered": (
        (f"DELETE FROM ledger_entry WHERE id = {AT}; DELETE FROM ledger_leaf WHERE index = {BAD};"
        f"UPDATE ledger_leaf SET index = -index WHERE index > {BAD};"
        f"UPDATE ledger_leaf SET index = -index - 1 WHERE index < 0"), 5, "another log"),
    "tail of leaves cut": (f"DELETE FROM ledger_leaf WHERE index >= {SIZE - 1}", SIZE - 1, "signed for 8"),
    "tail of leaves and entries cut": (
        (f"DELETE FROM ledger_entry WHERE id IN (SELECT entry_id FROM ledger_leaf WHERE index >= {BAD});"
        f"DELETE FROM ledger_leaf WHERE index >= {BAD}"), BAD, "signed for 6"),
    "tail cut and its checkpoint too": (
        "DELETE FROM ledger_leaf WHERE index >= 7; DELETE FROM ledger_checkpoint WHERE size = 8", 6, "no checkpoint covers"),
    "everything cut but the checkpoints": ("TRUNCATE ledger_entry, ledger_leaf", 0, "signed for"),
    "everything cut": ("TRUNCATE ledger_entry, ledger_leaf, ledger_checkpoint", None, "no checkpoint has ever"),
    "two places swapped": (
        ("UPDATE ledger_leaf SET index = -1 WHERE index = 3; UPDATE ledger_leaf SET index = 3 WHERE index = 4;"
        "UPDATE ledger_leaf SET index = 4 WHERE index = -1"), 5, "another log"),
    "leaf inserted without an entry": (
        ("INSERT INTO ledger_leaf SELECT 8, gen_random_uuid(), recorded_at, leaf_hash, txid FROM ledger_leaf"
        " WHERE index = 7"), 8, "is gone"),
    "checkpoint's text altered": ("UPDATE ledger_checkpoint SET note = replace(note, E'\\n6\\n', E'\\n7\\n') WHERE size = 6",
                                  5, "does not verify"),
    "checkpoint's signature altered": (("UPDATE ledger_checkpoint SET note = overlay(note placing 'AAAA' from length(note) - 9)"
                                       " WHERE size = 6"), 5, "does not verify"),
    "checkpoint's note emptied": ("UPDATE ledger_checkpoint SET note = '' WHERE size = 6", 5, "does not verify"),
    "checkpoint's size": ("UPDATE ledger_checkpoint SET size = 7 WHERE size = 6", 7, "is signed for 6"),
    "checkpoint's root": ("UPDATE ledger_checkpoint SET root = set_byte(root, 0, get_byte(root, 0) # 1) WHERE size = 6",
                          5, "another log"),
    "checkpoint's frontier": ("UPDATE ledger_checkpoint SET frontier = '' WHERE size = 6", 5, "frontier"),
    "note of another checkpoint": (("UPDATE ledger_checkpoint SET note = (SELECT note FROM ledger_checkpoint WHERE size = 2)"
                                   " WHERE size = 6"), 6, "is signed for 2"),
    "first checkpoint deleted": ("DELETE FROM ledger_checkpoint WHERE size = 2", 0, "missing between"),
    "middle checkpoint deleted": ("DELETE FROM ledger_checkpoint WHERE size = 6", 2, "missing between"),
    "last checkpoint deleted": ("DELETE FROM ledger_checkpoint WHERE size = 8", 6, "no checkpoint covers"),
    "public key taken away": ("DELETE FROM ledger_publickey", 1, "does not verify"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOG_TAMPERINGS)
def test_tampering_with_the_log_is_found_at_its_first_index(name: str, tampering: Super) -> None:
    statement, index, named = LOG_TAMPERINGS[name]
    tampering.execute(statement.encode())
    said = verify()
    place = "no index is bad by itself" if index is None else f"first bad index {index}\n"
    assert said.startswith("exit 1: ") and place in said and named in said, said


COLUMNS: dict[str, str] = {
    "type": "'tests.thing.denied'",
    "version": "2",
    "occurred_at": "occurred_at - interval '1 microsecond'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "actor_kind": "'system'",
    "actor_id": "'somebody else'",
    "agent_id": "gen_random_uuid()",
    "run_id": "gen_random_uuid()",
    "source": "'hook'",
    "source_counter": "7",
    "outcome": "'allow'",
    "id": "gen_random_uuid()",
    "subject": "'person:other'",
    "sealed": "NULL",
}


def test_every_column_of_an_entry_is_tampered_with_below() -> None:
    columns = {name for (name,) in ask("SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_entry'::regclass"
                                       " AND attnum > 0")}  # fmt: skip
    # The transaction id orders sealing and says nothing afterwards; bytes and leaf_hash are above.
    assert columns == {*COLUMNS, "bytes", "leaf_hash", "txid"}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_says_something_else_than_the_bytes_is_found(column: str, tampering: Super) -> None:
    # A subject's name leads to a key, so the other one has to have one: an unknown one looks like an erasure.
    with transaction.atomic():
        append(Noted(), actor=SOMEBODY, at=database_now(), subject="person:other")
    tampering.execute("UPDATE ledger_subjectkey SET created_at = created_at - interval '1 minute'")
    tampering.execute(f"UPDATE ledger_entry SET {column} = {COLUMNS[column]} WHERE id = {AT}".encode())
    said = verify()
    assert said.startswith("exit 1: ") and f"first bad index {BAD}\n" in said, said


def test_a_subjects_key_that_is_another_key_is_found(tampering: Super) -> None:
    tampering.execute("UPDATE ledger_subjectkey SET wrapped = set_byte(wrapped, 15, get_byte(wrapped, 15) # 1),"
                      " created_at = created_at - interval '1 minute'")  # fmt: skip
    assert "first bad index 0\n" in verify()


def test_personal_values_that_are_not_those_committed_to_are_found(tampering: Super) -> None:
    tampering.execute(
        f"UPDATE ledger_entry SET sealed = set_byte(sealed, 15, get_byte(sealed, 15) # 1) WHERE id = {AT}".encode()
    )
    tampering.execute("UPDATE ledger_subjectkey SET created_at = created_at - interval '1 minute'")
    said = verify()
    assert f"first bad index {BAD}\n" in said and "do not open" in said


def _forged(superuser: Super, *, index: int) -> None:
    """Another fact in the place of a true one, with a leaf hash that fits it."""
    ((data,),) = ask(
        "SELECT bytes FROM ledger_entry e JOIN ledger_leaf l ON l.entry_id = e.id WHERE index = %s", [index]
    )
    forged = bytes(data).replace(b'"number":', b'"number":9')
    assert forged != bytes(data)
    superuser.execute(
        "UPDATE ledger_entry SET bytes = %s, leaf_hash = %s WHERE id = (SELECT entry_id FROM ledger_leaf WHERE index = %s)",
        [forged, leaf_hash(forged), index],
    )
    superuser.execute("UPDATE ledger_leaf SET leaf_hash = %s WHERE index = %s", [leaf_hash(forged), index])


def test_a_forged_entry_with_its_own_leaf_breaks_the_next_checkpoint(tampering: Super) -> None:
    _forged(tampering, index=BAD)
    said = verify()
    assert said.startswith("exit 1: ") and "first bad index 5\n" in said and "another log" in said


def test_a_forged_entry_at_the_end_is_covered_by_no_checkpoint(tampering: Super) -> None:
    one = put(99)
    tampering.execute(
        "INSERT INTO ledger_leaf SELECT 8, id, recorded_at, leaf_hash, txid FROM ledger_entry WHERE id = %s", [one.id]
    )
    said = verify()
    assert "first bad index 8\n" in said and "no checkpoint covers" in said


def test_an_entry_that_was_slipped_in_and_never_sealed_is_found(tampering: Super) -> None:
    one = put(99)
    tampering.execute(
        "UPDATE ledger_entry SET recorded_at = recorded_at - interval '3 minutes' WHERE id = %s", [one.id]
    )
    assert "have no place in the log" in verify()


def test_an_entry_in_two_places_is_found(tampering: Super) -> None:
    tampering.execute("ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_entry_id_key")
    try:
        tampering.execute(
            "INSERT INTO ledger_leaf SELECT 8, entry_id, recorded_at, leaf_hash, txid FROM ledger_leaf WHERE index = 3"
        )
        assert "first bad index 8\n" in verify()
    finally:
        tampering.execute("DELETE FROM ledger_leaf WHERE index = 8")
        tampering.execute("ALTER TABLE ledger_leaf ADD CONSTRAINT ledger_leaf_entry_id_key UNIQUE (entry_id)")


def test_a_rewritten_log_signed_with_another_key_of_the_same_name_is_found(tampering: Super) -> None:
    stranger = Signer.generate(load_signer("log").name)
    for note in Checkpoint.objects.all():
        tampering.execute(
            "UPDATE ledger_checkpoint SET note = %s WHERE id = %s",
            [stranger.sign(checkpoint_text(stranger.name, note.size, bytes(note.root))), note.pk],
        )
    assert "first bad index 1\n" in verify() and "does not verify" in verify()


def test_a_checkpoint_of_another_log_by_the_right_key_is_found(tampering: Super) -> None:
    signer = load_signer("log")
    last = Checkpoint.objects.latest("id")
    text = checkpoint_text("elsewhere.example/ledger", last.size, bytes(last.root))
    tampering.execute("UPDATE ledger_checkpoint SET note = %s WHERE id = %s", [signer.sign(text), last.pk])
    assert verify().startswith("exit 1: ") and "first bad index 7\n" in verify()


def test_the_sealer_does_not_heal_a_log_that_was_tampered_with(tampering: Super) -> None:
    _forged(tampering, index=BAD)
    put_many(5)
    seal_all()
    assert "first bad index 5\n" in verify()


def test_a_fault_does_not_hide_the_next(tampering: Super) -> None:
    set_source: Callable[[int], bytes] = lambda index: (  # noqa: E731
        f"UPDATE ledger_entry SET source = 'x' WHERE id = (SELECT entry_id FROM ledger_leaf WHERE index = {index})".encode()
    )
    for index in (2, 5, 7):
        tampering.execute(set_source(index))
    assert [fault.index for fault in audit_log().faults] == [2, 5, 7]


def test_the_canonical_form_is_what_was_hashed() -> None:
    put(5)
    seal_now()
    ((data, leaf),) = ask("SELECT e.bytes, l.leaf_hash FROM ledger_entry e JOIN ledger_leaf l ON l.entry_id = e.id")
    assert leaf_hash(bytes(data)) == bytes(leaf)
    assert canonicalize(orjson.loads(bytes(data))) == bytes(data)
    assert parse_checkpoint(Checkpoint.objects.get().note.rpartition("\n\n")[0] + "\n").root == bytes(leaf)
