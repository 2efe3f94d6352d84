"""Notices: what people are told, where, and when it may be sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ChannelKind(StrEnum):
    """A place outside the portal that can be told."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    """DEAD: given up, shown on a page, can be sent again. DROPPED: no longer true, or nobody wants it."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"


class Digest(StrEnum):
    """How mail is gathered."""

    NONE = "none"
    HOURLY = "hourly"
    DAILY = "daily"


class NoticeKind(StrEnum):
    """What a notice is about: the entry type it follows from, or a test that somebody asked for."""

    OPENED = "approvals.request.opened"
    ESCALATED = "approvals.request.escalated"
    RESOLVED = "approvals.request.resolved"
    EXCEPTION_ASKED = "approvals.exception.asked"
    EXCEPTION_GRANTED = "approvals.exception.granted"
    EXCEPTION_OVERDUE = "approvals.exception.overdue"
    TEST = "test"


# What a person can choose among; a test comes when asked for.
CHOSEN: Final[Mapping[NoticeKind, str]] = MappingProxyType(
    {
        NoticeKind.OPENED: "A request waits for my decision",
        NoticeKind.ESCALATED: "A request that waits has been passed on to me",
        NoticeKind.RESOLVED: "A request that I started has been settled",
        NoticeKind.EXCEPTION_ASKED: "Somebody asks for an exception that I may grant",
        NoticeKind.EXCEPTION_GRANTED: "An exception that I own or asked for is granted",
        NoticeKind.EXCEPTION_OVERDUE: "The review of an exception is overdue",
    }
)
# Of use only while the request waits.
_WHILE_PENDING: Final = frozenset({NoticeKind.OPENED, NoticeKind.ESCALATED})
_URGENT: Final = frozenset({NoticeKind.ESCALATED, NoticeKind.EXCEPTION_OVERDUE, NoticeKind.TEST})

# How long to wait after each try that failed. After the last pause comes the last try.
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 5 * 60, 30 * 60, 2 * 60 * 60, 6 * 60 * 60))
MOST_TRIES: Final = len(PAUSES) + 1
_MORNING: Final = time(8)


@dataclass(frozen=True)
class Choice:
    """How somebody wants to be told. ``kinds`` None: everything, also what is thought of later."""

    kinds: frozenset[str] | None = None
    quiet_from: time | None = None
    quiet_to: time | None = None
    zone: tzinfo = UTC
    digest: Digest = Digest.NONE


def only_while_pending(kind: NoticeKind) -> bool:
    """Return whether the notice is pointless once its request is settled."""
    return kind in _WHILE_PENDING


def wants(choice: Choice, kind: NoticeKind) -> bool:
    """Return whether the person wants this kind at all."""
    return kind is NoticeKind.TEST or choice.kinds is None or kind.value in choice.kinds


def when(choice: Choice, kind: NoticeKind, *, high_risk: bool, now: datetime) -> datetime:
    """Return the moment to send it: now, the next digest, or the end of quiet hours.

    What is urgent, and any request of high risk, waits for neither.
    """
    if high_risk or kind in _URGENT:
        return now
    return _after_quiet(choice, _gathered(choice, now))


def is_quiet(choice: Choice, moment: datetime) -> bool:
    """Return whether ``moment`` lies in the quiet hours, as the clocks of the person's zone show it."""
    begin, end = choice.quiet_from, choice.quiet_to
    if begin is None or end is None or begin == end:
        return False
    clock = moment.astimezone(choice.zone).time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def pause_after(tries: int) -> timedelta | None:
    """Return how long to wait after so many tries that failed, or None when it is given up."""
    if tries < 1:
        raise ValueError("Nothing was tried yet.")
    return PAUSES[tries - 1] if tries <= len(PAUSES) else None


def _gathered(choice: Choice, now: datetime) -> datetime:
    match choice.digest:
        case Digest.HOURLY:
            return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        case Digest.DAILY:
            return _next(now, _MORNING, choice.zone)
    return now


def _after_quiet(choice: Choice, moment: datetime) -> datetime:
    if choice.quiet_to is None or not is_quiet(choice, moment):
        return moment
    return _next(moment, choice.quiet_to, choice.zone)


def _next(moment: datetime, clock: time, zone: tzinfo) -> datetime:
    """The first moment after this one at which the clocks of ``zone`` show ``clock``, in UTC."""
    day = moment.astimezone(zone).date()
    for more in (0, 1, 2):
        found = datetime.combine(day + timedelta(days=more), clock, zone).astimezone(UTC)
        if found > moment:
            return found
    raise ValueError("The clocks of this zone never show that time.")
