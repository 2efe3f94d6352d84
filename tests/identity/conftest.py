"""What the tests of people share."""

from collections.abc import Callable

import pytest

from portal.ledger.models import Entry

Recorded = Callable[[str], list[dict[str, object]]]


@pytest.fixture
def recorded(db: None) -> Recorded:
    """``recorded("identity.role.assigned")``: the data in clear of the entries of a type, oldest first."""

    def read(kind: str) -> list[dict[str, object]]:
        return [entry.body["data"] for entry in Entry.objects.filter(type=kind).order_by("recorded_at", "id")]

    return read
