"""Reading entries, and what may still be read of their personal values."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from portal.errors import NotFound
from portal.ledger import vault
from portal.ledger.models import Entry
from portal.reading import once


@once
def database_now() -> datetime:
    """The database's clock (UTC, microseconds): the one that judges deadlines and dates entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def entry_by_id(entry_id: UUID) -> Entry:
    entry = Entry.objects.filter(id=entry_id).first()
    if entry is None:
        raise NotFound("There is no such entry in the ledger.")
    return entry


def for_run(run_id: UUID) -> QuerySet[Entry]:
    """A run's entries in the order they happened."""
    return Entry.objects.filter(run_id=run_id).order_by("occurred_at", "recorded_at", "id")


def disclose(entry: Entry) -> dict[str, Any]:
    """The personal values by field; empty when the subject was erased."""
    return {field: item["value"] for field, item in disclose_with_salts(entry).items()}


def disclose_with_salts(entry: Entry) -> dict[str, dict[str, Any]]:
    """``{field: {"salt": <base64>, "value": …}}``, what a verifier needs to check a commitment."""
    if entry.sealed is None:
        return {}
    return vault.unlock(entry.subject, bytes(entry.sealed), entry.id.bytes) or {}


def disclose_many(entries: Collection[Entry]) -> dict[UUID, dict[str, Any] | None]:
    """The personal values of many entries by entry id, with one query; None where they were erased."""
    holding = [entry for entry in entries if entry.sealed is not None]
    opened = vault.unlock_many((entry.subject, bytes(entry.sealed or b""), entry.id.bytes) for entry in holding)
    found: dict[UUID, dict[str, Any] | None] = {entry.id: {} for entry in entries}
    for entry, sealed in zip(holding, opened, strict=True):
        found[entry.id] = None if sealed is None else {field: item["value"] for field, item in sealed.items()}
    return found


def facts(entry: Entry) -> dict[str, Any]:
    """The entry's data in clear together with its personal values that are still readable."""
    return {**entry.body["data"], **disclose(entry)}
