"""When a notice may be sent: kinds, quiet hours by the person's own clock, digests, and pauses between tries."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.notices import (
    MOST_TRIES,
    Choice,
    Digest,
    NoticeKind,
    is_quiet,
    pause_after,
    wants,
    when,
)

MADRID = ZoneInfo("Europe/Madrid")
NIGHT = Choice(quiet_from=time(22), quiet_to=time(7), zone=MADRID)
OPENED = NoticeKind.OPENED


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def sent(choice: Choice, text: str, kind: NoticeKind = OPENED, *, high_risk: bool = False) -> datetime:
    return when(choice, kind, high_risk=high_risk, now=at(text))


def test_at_once_when_nothing_was_chosen() -> None:
    assert sent(Choice(), "2026-11-21 03:00") == at("2026-11-21 03:00")


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-21 20:59", "2026-11-21 20:59"),  # 21:59 in Madrid
        ("2026-11-21 21:00", "2026-11-22 06:00"),  # 22:00: the first quiet minute
        ("2026-11-21 23:30", "2026-11-22 06:00"),
        ("2026-11-22 05:59", "2026-11-22 06:00"),
        ("2026-11-22 06:00", "2026-11-22 06:00"),  # 07:00: over
        ("2026-07-21 21:00", "2026-07-22 05:00"),  # summer: 23:00
        ("2026-03-28 23:00", "2026-03-29 05:00"),  # the night in which an hour is left out
        ("2026-10-24 23:00", "2026-10-25 06:00"),  # the night in which an hour comes twice
    ],
)
def test_quiet_hours_by_the_persons_own_clock(now: str, then: str) -> None:
    assert sent(NIGHT, now) == at(then)


@pytest.mark.parametrize("kind", [NoticeKind.ESCALATED, NoticeKind.EXCEPTION_OVERDUE, NoticeKind.TEST])
def test_what_is_urgent_waits_for_nothing(kind: NoticeKind) -> None:
    choice = Choice(quiet_from=time(0), quiet_to=time(23, 59), digest=Digest.DAILY)
    assert sent(choice, "2026-11-21 03:00", kind) == at("2026-11-21 03:00")
    assert sent(choice, "2026-11-21 03:00", high_risk=True) == at("2026-11-21 03:00")


def test_digests() -> None:
    hourly = Choice(digest=Digest.HOURLY)
    assert sent(hourly, "2026-11-21 09:00") == at("2026-11-21 10:00")
    assert sent(hourly, "2026-11-21 09:59") == at("2026-11-21 10:00")
    daily = Choice(digest=Digest.DAILY, zone=MADRID)
    assert sent(daily, "2026-11-21 06:59") == at("2026-11-21 07:00")
    assert sent(daily, "2026-11-21 07:00") == at("2026-11-22 07:00")


def test_a_digest_in_quiet_hours_waits_for_their_end() -> None:
    late = Choice(digest=Digest.DAILY, quiet_from=time(22), quiet_to=time(9, 30), zone=MADRID)
    assert sent(late, "2026-11-21 20:00") == at("2026-11-22 08:30")


def test_a_time_that_the_clocks_left_out_is_passed_over() -> None:
    choice = Choice(quiet_from=time(1), quiet_to=time(2, 30), zone=MADRID)
    assert sent(choice, "2026-03-29 00:30") > at("2026-03-29 00:30")


ZONES = ["UTC", "Europe/Madrid", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kolkata"]
CHOICES = st.builds(
    Choice,
    quiet_from=st.times(),
    quiet_to=st.times(),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    digest=st.sampled_from(list(Digest)),
)


@given(st.integers(0, 15 * 366 * 86_400), CHOICES)
def test_never_early_never_lost(seconds: int, choice: Choice) -> None:
    """Whatever was chosen: not before now, within three days, and hardly ever in the quiet hours."""
    now = at("2020-01-01") + timedelta(seconds=seconds)
    then = when(choice, OPENED, high_risk=False, now=now)
    assert now <= then <= now + timedelta(days=3)
    if then != now:
        # A clock that is put forward over the end of the quiet hours shows it never; then the hour after it counts.
        assert not is_quiet(choice, then) or not is_quiet(choice, then + timedelta(hours=1, minutes=1))


def test_what_is_wanted() -> None:
    assert wants(Choice(), NoticeKind.EXCEPTION_OVERDUE)
    chosen = Choice(kinds=frozenset({OPENED.value}))
    assert wants(chosen, OPENED)
    assert not wants(chosen, NoticeKind.RESOLVED)
    assert wants(Choice(kinds=frozenset()), NoticeKind.TEST)


def test_pauses_grow_and_end() -> None:
    pauses = [pause_after(tries) for tries in range(1, MOST_TRIES + 2)]
    known = [pause for pause in pauses if pause is not None]
    assert [pause.total_seconds() for pause in known] == [10, 60, 300, 1800, 7200, 21600]
    assert pauses[-2:] == [None, None]
    with pytest.raises(ValueError, match="Nothing was tried"):
        pause_after(0)
