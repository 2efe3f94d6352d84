"""When the next person is told of a request that nobody decides. Pure."""

from datetime import datetime, timedelta
from typing import Final

# Each step halves what is left, so ten of them are the last thousandth; and nobody decides in half a minute.
MOST_STEPS: Final = 10
TOO_LATE: Final = timedelta(seconds=30)


def due_at(opened_at: datetime, expires_at: datetime, *, after_percent: int, told: int) -> datetime:
    """Return when the next one is told after ``told`` others: at that part of the time, then as what is left halves."""
    left: timedelta = (expires_at - opened_at) * (100 - after_percent) / (100 * 2**told)
    return expires_at - left


def is_due(opened_at: datetime, expires_at: datetime, *, after_percent: int, told: int, now: datetime) -> bool:
    """Whether somebody is to be told now; in the last moments it would only be noise."""
    if told >= MOST_STEPS or expires_at - now <= TOO_LATE:
        return False
    return now >= due_at(opened_at, expires_at, after_percent=after_percent, told=told)
