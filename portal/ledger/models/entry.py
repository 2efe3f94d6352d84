"""An entry: one fact, as canonical bytes that are hashed and never change."""

from typing import Any

import orjson
from django.db import models
from django.db.models import Func
from django.db.models.functions import Now
from django.utils.functional import cached_property

from portal.ledger.models.fields import TransactionIdField


class Entry(models.Model):
    """One recorded fact. ``bytes`` (RFC 8785) is what is hashed; every other column is a query copy of it.

    Rows are written by ``services.append`` with SQL of their own and are immutable: the application's
    role holds SELECT and INSERT only, and triggers refuse UPDATE, DELETE and TRUNCATE to everyone.
    ``outcome`` is the event's own outcome, if it has one. Partitioned by month of ``recorded_at``; no foreign
    keys, so that history outlives what it names.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    type = models.TextField()
    version = models.SmallIntegerField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_kind = models.TextField()
    actor_id = models.TextField()
    agent_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    source = models.TextField()
    source_counter = models.BigIntegerField(null=True)
    bytes = models.BinaryField()
    leaf_hash = models.BinaryField()
    subject = models.TextField()
    sealed = models.BinaryField(null=True)
    outcome = models.TextField(null=True)  # noqa: DJ001  an event without an outcome has none, not an empty one
    txid = TransactionIdField(db_default=Func(function="pg_current_xact_id"))

    class Meta:
        db_table = "ledger_entry"
        default_permissions = ()
        indexes = [
            models.Index(fields=["txid"], name="ledger_entry_txid"),
            models.Index(fields=["agent_id", "recorded_at"], name="ledger_entry_agent"),
            models.Index(
                fields=["run_id", "recorded_at"],
                name="ledger_entry_run",
                condition=models.Q(run_id__isnull=False),
            ),
            models.Index(fields=["type", "recorded_at"], name="ledger_entry_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @cached_property
    def body(self) -> dict[str, Any]:
        """What the bytes say. Parsed on reading: a stored jsonb copy doubled the cost of an append."""
        value: dict[str, Any] = orjson.loads(self.bytes)
        return value


class SubjectKey(models.Model):
    """The data key of one subject (a person, an agent, a run), wrapped by the content key outside.

    Personal values in an entry are encrypted under it. Destroying the row makes them unreadable for
    good while the commitments in the entries still verify.
    """

    subject = models.TextField(primary_key=True)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_subjectkey"
        default_permissions = ()

    def __str__(self) -> str:
        return self.subject
