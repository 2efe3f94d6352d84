"""The journal of stops that were ordered without the database: one JSON object a line, never changed, only added to.

An order line says who stopped what, when and why. An entered line says that the portal has it now::

    {"order": "<uuid>", "at": "2026-11-21T09:00:00Z", "kind": "agent", "scope": "<uuid>", "by": "<e-mail>", …}
    {"entered": "<uuid of the order line>", "number": 12}
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from registry.rules.kill import KillError, Scope, ScopeKind, parse_scope_key, scope_key


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineOrder:
    """One stop that was ordered on the machine itself; ``at`` is that machine's clock."""

    id: UUID
    at: str
    kind: ScopeKind
    scope: Scope
    by: str
    reason: str

    @property
    def key(self) -> str:
        return scope_key(self.kind, self.scope)

    def line(self) -> str:
        """The line of the journal, without its newline."""
        return _line(
            {
                "order": str(self.id),
                "at": self.at,
                "kind": self.kind.value,
                "scope": None if self.scope is None else str(self.scope),
                "by": self.by,
                "reason": self.reason,
            }
        )


def entered_line(order: OfflineOrder, number: int) -> str:
    """The line that says that ``order`` is stop ``number`` of the portal now."""
    return _line({"entered": str(order.id), "number": number})


def scope_of(kind: ScopeKind, text: str) -> Scope:
    """What a person typed after the kind as a scope. Raises KillError."""
    if kind is ScopeKind.DRILL:
        raise KillError("A drill is not a stop; only a drill orders and ends it.")
    return parse_scope_key(f"{kind.value}:{text}" if text else kind.value)[1]


def pending(lines: Iterable[str]) -> tuple[list[OfflineOrder], int]:
    """Return the orders that were not entered yet, oldest first, and how many lines cannot be read."""
    waiting: dict[str, OfflineOrder] = {}
    unreadable = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            if "entered" in document:
                waiting.pop(str(document["entered"]), None)
            else:
                order = _order(document)
                waiting[str(order.id)] = order
        except (ValueError, TypeError, KeyError, RecursionError):
            unreadable += 1
    return list(waiting.values()), unreadable


def _order(document: Mapping[str, str]) -> OfflineOrder:
    kind = ScopeKind(document["kind"])
    return OfflineOrder(
        id=UUID(document["order"]),
        at=str(document["at"]),
        kind=kind,
        scope=scope_of(kind, document["scope"] or ""),
        by=str(document["by"]),
        reason=str(document["reason"]),
    )


def _line(document: Mapping[str, str | int | None]) -> str:
    return json.dumps(document, ensure_ascii=False)
