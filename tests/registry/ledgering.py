"""What the ledger holds, for tests of services."""

from portal.ledger.models import Entry


def types() -> list[str]:
    """The registry's entries so far, in the order they were written."""
    return list(
        Entry.objects.filter(type__startswith="registry.").order_by("recorded_at", "id").values_list("type", flat=True)
    )
