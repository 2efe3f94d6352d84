"""One entry of a policy document before and after: which way it moved, and the sentence that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way one entry of a policy has moved."""

    WIDENED = "widened"
    TIGHTENED = "tightened"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a policy before and after. ``pointer`` is its place in the document."""

    direction: Direction
    pointer: str
    subject: str
    sentence: str


def direction(before: int, after: int) -> Direction:
    """Return the direction of a number that allows more when it is larger."""
    if before == after:
        return Direction.UNCHANGED
    return Direction.WIDENED if after > before else Direction.TIGHTENED


def listed(entries: Sequence[str]) -> str:
    """Return the entries for a sentence, the first five of many and the count of the rest."""
    if not entries:
        return "none"
    rest = f" and {len(entries) - 5} more" if len(entries) > 5 else ""
    return ", ".join(entries[:5]) + rest
