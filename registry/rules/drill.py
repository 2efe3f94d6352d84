"""When a drill is due, how long it may last, and what its measurement proves. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# A lease lasts at most 30 seconds and a hook's answer counts for 10: who has not stopped by then has not stopped.
LIMIT_SECONDS = 60
# How long a request for a drill waits for the consent of who answers for the agent.
CONSENT_DAYS = 14
# After a drill that failed or measured nothing, the schedule tries again so soon.
AGAIN = timedelta(days=1)
# The schedule starts a canary's drill when it is due; it is overdue when none has passed a day later.
GRACE = timedelta(days=1)


def due_at(*, passed_at: datetime | None, since: datetime, days: int) -> datetime:
    """When the next drill is due: ``days`` after the last that passed, else after the agent was registered."""
    return (passed_at or since) + timedelta(days=days)


def is_overdue(*, due: datetime, now: datetime, canary: bool) -> bool:
    return now > due + (GRACE if canary else timedelta())


def to_be_planned(*, passed_at: datetime | None, ended_at: datetime | None, now: datetime, days: int) -> bool:
    """Whether the schedule starts a drill on the canary now. One that never had a drill has one at once."""
    if ended_at is not None and now < ended_at + AGAIN:
        return False
    return passed_at is None or now >= passed_at + timedelta(days=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen between the order and its end. Times are milliseconds after the order.

    ``points`` are the times at which each enforcement point had acknowledged or its lease had ended, ``refused``
    the first check that was refused, ``out`` how many points had still not stopped.
    """

    points: Sequence[int] = ()
    refused: int | None = None
    out: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """``passed`` is None when nothing was measured: that proves nothing, in either direction."""

    passed: bool | None
    measured_ms: int | None
    sentence: str


def judge(seen: Observed, *, promised_ms: int | None) -> Verdict:
    """Promised against measured. What was not seen is never a pass."""
    times = [*seen.points, *([] if seen.refused is None else [seen.refused])]
    if seen.out:
        return Verdict(False, None, f"{_points(seen.out)} had not stopped when the drill reached its limit.")
    if not times:
        return Verdict(None, None, "Nothing asked and no lease was held while the drill ran, so nothing was measured.")
    measured = max(times)
    parts = []
    if seen.points:
        parts.append(f"{_points(len(seen.points))} had stopped after {_seconds(max(seen.points))}")
    if seen.refused is not None:
        parts.append(f"the first refused check came after {_seconds(seen.refused)}")
    sentence = "; ".join(parts)
    sentence = sentence[0].upper() + sentence[1:]
    if promised_ms is None:
        return Verdict(True, measured, f"{sentence}. No stop time had been promised.")
    if measured > promised_ms:
        return Verdict(False, measured, f"{sentence}; {_seconds(promised_ms)} had been promised.")
    return Verdict(True, measured, f"{sentence}, within the {_seconds(promised_ms)} promised.")


def _points(count: int) -> str:
    return "1 enforcement point" if count == 1 else f"{count} enforcement points"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"
