"""Collects what the report prints of exceptions and of canaries, apart from the gated actions of real work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ERASED = "(erased)"
_RULE = "exception.EX-"


@dataclass
class OpenGate:
    """One exception as far as the period shows it; empty texts were recorded outside it."""

    number: int
    agent: str = ""
    kind: str = ""
    actions: tuple[str, ...] = ()
    asked_at: str = ""
    asked_by: str = ""
    reason: str = ""
    granted_at: str = ""
    granted_by: str = ""
    ends_at: str = ""
    review_due_at: str = ""
    ended: str = ""
    ended_at: str = ""
    closed_at: str = ""
    closed_by: str = ""
    note: str = ""
    overdue_at: str = ""
    uses: int = 0


@dataclass
class GateRegister:
    """Exceptions by number, and canaries by the number of their request with what became of them."""

    exceptions: dict[int, OpenGate] = field(default_factory=dict)
    canaries: dict[int, str] = field(default_factory=dict)

    def is_canary(self, number: int) -> bool:
        return number in self.canaries

    def plant(self, number: int) -> None:
        self.canaries.setdefault(number, "waiting")

    def settle(self, number: int, outcome: str) -> None:
        self.canaries[number] = outcome

    def count_uses(self, rules: list[str]) -> None:
        """Count a check that an exception let through; its first rule says by which."""
        for rule in rules:
            if rule.startswith(_RULE) and rule.removeprefix(_RULE).isdecimal():
                self._gate(int(rule.removeprefix(_RULE))).uses += 1

    def add(self, entry: Mapping[str, Any], shown: Mapping[str, Any], agent: str) -> None:
        """Take one entry of an exception; they come in the order of the log."""
        data, at, who = entry["data"], entry["recorded_at"], _text(shown.get("actor_label"))
        gate = self._gate(data["exception"])
        gate.agent = gate.agent or agent
        match entry["type"].rpartition(".")[2]:
            case "asked":
                gate.asked_at, gate.asked_by, gate.reason = at, who, _text(shown.get("reason"))
                gate.kind, gate.actions = data["kind"], tuple(data["actions"])
            case "granted":
                gate.granted_at, gate.granted_by = at, who
                gate.ends_at, gate.review_due_at = data["ends_at"], data["review_due_at"]
                gate.kind, gate.actions = data["kind"], tuple(data["actions"])
            case "refused" | "withdrawn" | "revoked" as ended:
                gate.ended, gate.ended_at = ended, at
            case "overdue":
                gate.overdue_at = at
            case "closed":
                gate.closed_at, gate.closed_by, gate.note = at, who, _text(shown.get("note"))

    def outcomes(self) -> list[tuple[str, int]]:
        """What became of the canaries, as words and numbers."""
        words = {"caught": "caught", "missed": "approved", "lapsed": "not decided", "waiting": "still waiting"}
        found = [(word, sum(1 for one in self.canaries.values() if one == key)) for key, word in words.items()]
        return [(word, number) for word, number in found if number]

    def _gate(self, number: int) -> OpenGate:
        return self.exceptions.setdefault(number, OpenGate(number))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ERASED if value is None else str(value)
