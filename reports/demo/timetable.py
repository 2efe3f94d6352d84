"""When things happened in the demonstration: working days, working hours, quiet weekends. Same start, same times."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random

WORKING_DAYS = 7
_FIRST_HOUR, _LAST_HOUR = 7.5, 15.5


def working_days(now: datetime, count: int = WORKING_DAYS) -> list[datetime]:
    """The last ``count`` weekdays that were over before ``now``, oldest first, each as its midnight in UTC."""
    day = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    days: list[datetime] = []
    while len(days) < count:
        day -= timedelta(days=1)
        if day.weekday() < 5:
            days.insert(0, day)
    return days


def starts(days: list[datetime], runs: int, random: Random) -> Iterator[datetime]:
    """When each of ``runs`` sessions begins: spread over the days, in working hours, in order."""
    for day, share in zip(days, _shares(runs, len(days)), strict=True):
        hours = sorted(random.uniform(_FIRST_HOUR, _LAST_HOUR) for _ in range(share))
        yield from (day + timedelta(hours=hour) for hour in hours)


def _shares(whole: int, parts: int) -> list[int]:
    """``whole`` in ``parts`` whole numbers that differ by at most one."""
    return [whole * (place + 1) // parts - whole * place // parts for place in range(parts)]
