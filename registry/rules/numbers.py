"""The numbers of a policy, the least and greatest each may be, and which of two is the stricter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest change that is not gated for its size, and how long an enforcement point works without asking.

    ``files`` touched, ``lines`` added plus removed, ``lease_seconds`` between two signs of life.
    """

    files: int = 20
    lines: int = 500
    lease_seconds: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """How many people approve, how long they have, and how long the grant then lives (minutes)."""

    quorum: int = 1
    expires_minutes: int = 60
    grant_minutes: int = 10


# Least and greatest of each number. The upper bounds keep a slip of the keyboard from switching a rule off.
LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"files": (1, 10_000), "lines": (1, 1_000_000), "lease_seconds": (5, 30)}
)
APPROVAL: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"quorum": (1, 10), "expires_minutes": (1, 10_080), "grant_minutes": (1, 120)}
)


def strictest_limits(first: Limits, others: Iterable[Mapping[str, int]]) -> Limits:
    """Return the smallest of each limit; ``others`` are what restrictions wrote, perhaps not every number."""
    rows = tuple(others)
    return Limits(**{part.name: _least(part.name, getattr(first, part.name), rows) for part in fields(Limits)})


def strictest_approval(first: ApprovalRule, others: Iterable[Mapping[str, int]]) -> ApprovalRule:
    """Return the most people and the least minutes; ``others`` are what restrictions wrote."""
    rows = tuple(others)
    return ApprovalRule(
        quorum=max([first.quorum, *(row["quorum"] for row in rows if "quorum" in row)]),
        expires_minutes=_least("expires_minutes", first.expires_minutes, rows),
        grant_minutes=_least("grant_minutes", first.grant_minutes, rows),
    )


def _least(name: str, first: int, rows: Iterable[Mapping[str, int]]) -> int:
    return min([first, *(row[name] for row in rows if name in row)])
