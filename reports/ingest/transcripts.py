"""Keeps account of a recorded transcript: what became of every line, once each."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from reports.ingest.incoming import Incoming, Rejected

Disposition = Literal["imported", "duplicate", "rejected"]


class LineAccount(NamedTuple):
    """What became of one line: how many events it gave, or why it gave none."""

    position: str
    disposition: Disposition
    events: int
    reason: str = ""


@dataclass(slots=True)
class Transcript:
    """A transcript being read. Each line is closed by exactly one `add` or `reject`, kept in `account`."""

    session_id: str = ""
    incoming: list[Incoming] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    account: list[LineAccount] = field(default_factory=list)
    first_seen: dict[str, str] = field(default_factory=dict)

    def add(self, position: str, events: list[Incoming]) -> bool:
        """Takes the events of one line that were not seen before; True when there was at least one."""
        new = [event for event in events if event.key not in self.first_seen]
        for event in new:
            self.first_seen[event.key] = position
        self.incoming.extend(new)
        if new:
            self.account.append(LineAccount(position, "imported", len(new)))
            return True
        before = self.first_seen[events[0].key] if events else "an earlier line"
        self.account.append(LineAccount(position, "duplicate", 0, f"already given by {before}"))
        return False

    def reject(self, position: str, reason: str) -> None:
        """Closes one line that gives no event."""
        self.rejected.append(Rejected(position, reason))
        self.account.append(LineAccount(position, "rejected", 0, reason))

    @property
    def lines(self) -> int:
        """How many lines the transcript has; a final line break does not begin another one."""
        return len(self.account)


def numbered_lines(data: bytes) -> list[tuple[str, bytes]]:
    """The lines of `data` with their positions `line 1`, `line 2`, …"""
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return [(f"line {number}", line) for number, line in enumerate(lines, 1)]
