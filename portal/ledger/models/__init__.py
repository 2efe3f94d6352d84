"""The tables of the ledger."""

from portal.ledger.models.entry import Entry, SubjectKey
from portal.ledger.models.log import Checkpoint, Cursor, Leaf, PublicKey

__all__ = ["Checkpoint", "Cursor", "Entry", "Leaf", "PublicKey", "SubjectKey"]
