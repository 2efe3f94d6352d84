"""Delegation: for how long, which right goes over, and that nobody passes on what is not their own. Pure."""

from datetime import datetime, timedelta
from typing import Final

from approvals.rules.rulebook_parts import TEAM

LONGEST: Final = timedelta(days=60)
EARLIEST: Final = timedelta(minutes=5)  # how far back a beginning may lie: a form takes a while to fill in


def faults_in_span(starts_at: datetime, ends_at: datetime, *, now: datetime) -> list[tuple[str, str]]:
    """What is wrong with the time, as pairs of the field's name and what it must be; empty when nothing is."""
    found = []
    if starts_at < now - EARLIEST:
        found.append(("starts_at", "must not lie in the past"))
    if starts_at > now + LONGEST:
        found.append(("starts_at", f"must be within {LONGEST.days} days"))
    if ends_at <= starts_at:
        found.append(("ends_at", "must be after the beginning"))
    elif ends_at <= now:
        found.append(("ends_at", "must lie in the future"))
    elif ends_at - starts_at > LONGEST:
        found.append(("ends_at", f"must be at most {LONGEST.days} days after the beginning"))
    return found


def runs(starts_at: datetime, ends_at: datetime, ended_at: datetime | None, *, now: datetime) -> bool:
    """Whether it runs at ``now``: from its very beginning, and at its very end no more."""
    return ended_at is None and starts_at <= now < ends_at


def lent(own: frozenset[str], *, by_giver: bool, maker_manages: bool) -> frozenset[str]:
    """The groups that a delegation gives its receiver, out of those that the giver holds in their own right.

    Who is away hands over what they hold. Arranged by a manager for them, it is the right as approver of the teams
    that this manager answers for, and nothing more.
    """
    if by_giver:
        return own
    return own & {TEAM} if maker_manages else frozenset()
