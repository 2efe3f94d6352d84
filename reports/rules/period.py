"""The period of an audit package: what may be asked for, and the spans that people choose most. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Preset:
    """A period that is offered by name; half-open, as every period is: ``[start, end)``."""

    key: str
    label: str
    start: datetime
    end: datetime


def refusal(start: datetime, end: datetime, *, now: datetime) -> str | None:
    """Why this period cannot be packaged, in one sentence; None when it can."""
    if start.tzinfo is None or end.tzinfo is None:
        return "A period's times need a zone."
    if start >= end:
        return "The period must begin before it ends."
    if end > now:
        return "The period ends in the future; evidence exists only up to now."
    if end - start > LONGEST:
        return f"The period is longer than {LONGEST.days} days; make two packages."
    return None


def presets(now: datetime) -> tuple[Preset, ...]:
    """Last 7, 30 and 90 days up to now, last calendar month and quarter, and this year so far, all in UTC."""
    now = now.astimezone(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month = today.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    days = tuple(
        Preset(f"{count}-days", f"Last {count} days", today - timedelta(days=count), now) for count in (7, 30, 90)
    )
    year = month.replace(month=1)
    so_far = (Preset("this-year", "This year so far", year, now),) if year < now else ()
    return (
        *days,
        Preset("last-month", "Last calendar month", _months_before(month, 1), month),
        Preset("last-quarter", "Last calendar quarter", _months_before(quarter, 3), quarter),
        *so_far,
    )


def _months_before(first_of_month: datetime, months: int) -> datetime:
    place = first_of_month.year * 12 + first_of_month.month - 1 - months
    return first_of_month.replace(year=place // 12, month=place % 12 + 1)
