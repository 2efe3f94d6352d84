"""Column types of PostgreSQL that Django does not carry."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class TransactionIdField(models.BigIntegerField):  # type: ignore[type-arg]
    """``xid8``: the 64-bit id of the inserting transaction, set by the database and never by us.

    Read as int. It orders committed entries: every transaction below ``pg_snapshot_xmin`` has ended,
    so a reader that stays below it can never be overtaken by a late commit.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8"

    def from_db_value(self, value: Any, *_: Any) -> int | None:
        return None if value is None else int(value)
