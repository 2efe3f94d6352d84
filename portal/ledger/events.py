"""What an entry is made from: the event, and who did it.

Each app declares the events it writes in its own ``events.py`` as frozen dataclasses.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar, Literal
from uuid import UUID

ActorKind = Literal["person", "agent", "system"]


@dataclass(frozen=True)
class Actor:
    """Who did it. ``id`` is for ever; ``label`` is the name at the time and is committed, never in clear."""

    kind: ActorKind
    id: str
    label: str


SYSTEM = Actor("system", "portal", "Bailiwick")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all event types. Fields named in ``PERSONAL`` are committed; all others stand in clear.

    A field in clear must be JSON-safe without floats (the ledger's canonical profile refuses them).
    """

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    def data(self) -> dict[str, Any]:
        """The fields in clear, JSON-safe."""
        return {
            name: value if (value := getattr(self, name)) is None or type(value) in _AS_IT_IS else plain(value)
            for name in _names_in_clear(type(self))
        }

    def personal(self) -> dict[str, Any]:
        """The fields that go in as commitments, JSON-safe; absent ones (None) are left out."""
        return {name: plain(getattr(self, name)) for name in sorted(self.PERSONAL) if getattr(self, name) is not None}


_AS_IT_IS = frozenset((str, int, bool))


_in_clear: dict[type[Event], tuple[str, ...]] = {}


def _names_in_clear(event: type[Event]) -> tuple[str, ...]:
    known = _in_clear.get(event)
    if known is None:
        known = tuple(field.name for field in dataclasses.fields(event) if field.name not in event.PERSONAL)
        _in_clear[event] = known
    return known


def instant(value: datetime) -> str:
    """RFC 3339 in UTC with microseconds and ``Z``: the one spelling of a time in the ledger."""
    # isoformat takes a third of strftime's time, and pads the year.
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def plain(value: Any) -> Any:
    """A JSON-safe copy: UUIDs, enums, times and bytes become strings, sequences lists."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case datetime():
            return instant(value)
        case UUID():
            return str(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
            return [plain(item) for item in items]
    raise TypeError(f"{type(value).__name__} cannot stand in a ledger entry.")
