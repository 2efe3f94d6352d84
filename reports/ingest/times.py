"""Reads the times agents report and decides whether they can be believed."""

import re
from datetime import UTC, datetime, timedelta

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)  # before any agent that could send this
MAX_AHEAD = timedelta(hours=24)

# RFC 3339 section 5.6; datetime.fromisoformat alone would also take week dates and other ISO 8601 forms.
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,30}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_rfc3339(text: object) -> datetime | None:
    """The moment `text` names, in UTC with microseconds; None when it is not RFC 3339 with an offset.

    A leap second (`:60`) becomes the last microsecond of its minute, because datetime cannot hold it.
    """
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    micros = ((fraction or "") + "000000")[:6]
    if second == "60":
        second, micros = "59", "999999"
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{second}.{micros}{offset.upper().replace('Z', '+00:00')}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def from_unix(amount: int, *, per_second: int) -> datetime | None:
    """The moment `amount` units after 1970, `per_second` of them a second; None outside years 1 to 9999."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=amount * 1_000_000 // per_second)
    except OverflowError:
        return None


def disbelief(moment: datetime, *, now: datetime) -> str | None:
    """Why `moment` cannot be when an event received at `now` happened, or None when it can."""
    if moment < EARLIEST:
        return "the time is before 2015"
    if moment > now + MAX_AHEAD:
        return "the time is more than 24 hours in the future"
    return None


def believed(moment: datetime | None, *, now: datetime) -> datetime | None:
    """`moment` unless it is missing or cannot be believed."""
    return None if moment is None or disbelief(moment, now=now) else moment
