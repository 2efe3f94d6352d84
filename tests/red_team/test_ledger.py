"""With the application's database role alone: what may be inserted must not borrow the log's key."""

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from portal.ledger.models import Checkpoint, Leaf
from portal.ledger.rules.merkle import Frontier, leaf_hash
from portal.ledger.rules.note import Signer, checkpoint_text
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.seal import ForeignCheckpointError
from portal.ledger.signing import load_signer
from tests.ledger.sample import newest_checkpoint, put_many, seal_all, seal_now

pytestmark = pytest.mark.django_db(transaction=True)


def plant(frontier: Frontier, note: str) -> Checkpoint:
    last = newest_checkpoint()
    return Checkpoint.objects.create(
        pk=last.pk + 1,
        size=frontier.size,
        root=frontier.root(),
        frontier=b"".join(frontier.hashes),
        note=note,
        signed_at=database_now(),
    )


def other_history(size: int) -> Frontier:
    frontier = Frontier()
    frontier.extend(leaf_hash(b"forged %d" % number) for number in range(size))
    return frontier


@pytest.mark.parametrize("signed_by", ["nobody", "the real note of another tree", "a key of one's own"])
def test_the_log_key_signs_nothing_on_top_of_a_planted_checkpoint(signed_by: str) -> None:
    put_many(5)
    size = seal_all()
    forged = other_history(size)
    name = load_signer("log").name
    notes = {
        "nobody": "none\n",
        "the real note of another tree": newest_checkpoint().note,
        "a key of one's own": Signer.generate(name).sign(checkpoint_text(name, size, forged.root())),
    }
    planted = plant(forged, notes[signed_by])
    put_many(1)
    with pytest.raises(ForeignCheckpointError):
        seal_now()
    assert newest_checkpoint().pk == planted.pk
    assert Leaf.objects.count() == size


def test_a_changed_key_goes_on_with_the_log_that_the_leaves_prove() -> None:
    put_many(5)
    size = seal_all()
    last = newest_checkpoint()
    frontier = Frontier(last.size, tuple(bytes(last.frontier)[at : at + 32] for at in range(0, len(last.frontier), 32)))
    earlier = Signer.generate(load_signer("log").name)
    plant(frontier, earlier.sign(checkpoint_text(earlier.name, size, bytes(last.root))))
    put_many(1)
    sealed = seal_now()
    assert sealed is not None and sealed.size == size + 1


def test_the_application_cannot_name_a_key_of_its_own(super_connection: psycopg.Connection[tuple[object, ...]]) -> None:
    before = super_connection.execute("SELECT count(*) FROM ledger_publickey").fetchone()
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_publickey VALUES ('evil+0+AA', 'log', now())")
    assert super_connection.execute("SELECT count(*) FROM ledger_publickey").fetchone() == before
