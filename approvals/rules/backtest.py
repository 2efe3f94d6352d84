"""The life of a backtest: one job for each proposed policy, started anew as often as people ask."""

from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(days=90)
# No sign of life for so long, and whoever ran it is gone: the page says so and offers to run it again.
LOST_AFTER = timedelta(seconds=30)
# Longer than this in the queue, and nobody has taken it.
WAITING_AFTER = timedelta(minutes=2)


class BacktestState(StrEnum):
    """Only ``done`` leaves a result, and that stands on the proposal."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BacktestStatus(StrEnum):
    """What a backtest is when somebody looks: its state, or that nobody works on it (any more)."""

    NONE = "none"
    QUEUED = "queued"
    RUNNING = "running"
    LOST = "lost"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


def is_lost(state: str, *, heartbeat_at: datetime | None, requested_at: datetime, now: datetime) -> bool:
    """Whether a job that says it waits or runs has nobody behind it any more."""
    if state == BacktestState.QUEUED.value:
        return now - requested_at > WAITING_AFTER
    if state == BacktestState.RUNNING.value:
        return heartbeat_at is None or now - heartbeat_at > LOST_AFTER
    return False


def is_under_way(state: str, *, heartbeat_at: datetime | None, requested_at: datetime, now: datetime) -> bool:
    """Whether somebody is at work on it, as far as can be told, so that a second start would only compete."""
    waits = state in {BacktestState.QUEUED.value, BacktestState.RUNNING.value}
    return waits and not is_lost(state, heartbeat_at=heartbeat_at, requested_at=requested_at, now=now)
