"""Times as words: UTC text that scripts may localise, and spans such as "1 h 12 min"."""

from datetime import UTC, datetime, tzinfo
from typing import Final

# Written out rather than strftime("%b"), which follows the machine's locale.
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNITS: Final = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))


def machine(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, for the datetime attribute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def written(moment: datetime, shape: str = "minute") -> str:
    """``moment`` in UTC: shape is minute, second, date, clock, or utc (to the second with the zone named)."""
    at = moment.astimezone(UTC)
    day = f"{at.day} {MONTHS[at.month - 1]} {at.year}"
    return {
        "date": day,
        "clock": f"{at:%H:%M} UTC",
        "second": f"{day}, {at:%H:%M:%S} UTC",
        "utc": f"{at:%Y-%m-%d %H:%M:%S} UTC",
    }.get(shape, f"{day}, {at:%H:%M} UTC")


def written_in(moment: datetime, zone: tzinfo) -> str:
    """``moment`` to the minute as the clocks of a zone show it; the zone is named beside it."""
    at = moment.astimezone(zone)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M}"


def coarse(seconds: float) -> int:
    """The least length of time that is written in the same words."""
    whole = max(0, int(seconds))
    step = 1 if whole < 60 else 60 if whole < 86400 else 3600
    return whole - whole % step


def span(seconds: float) -> str:
    """A length of time in at most two units; the same words as static/js/time.js."""
    whole = max(0, int(seconds))
    for position, (unit, size) in enumerate(UNITS):
        if whole < size:
            continue
        count = whole // size
        name = "days" if unit == "day" and count != 1 else unit
        if unit in {"day", "h"}:
            smaller, step = UNITS[position + 1]
            rest = whole % size // step
            if rest:
                return f"{count} {name} {rest} {smaller}"
        return f"{count} {name}"
    return "0 s"
