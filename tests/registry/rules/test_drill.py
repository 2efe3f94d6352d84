"""When a drill is due, and what its measurement proves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.drill import Observed, due_at, is_overdue, judge, to_be_planned

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("passed", "since", "due"),
    [(None, NOW - 3 * DAY, NOW + 4 * DAY), (NOW - DAY, NOW - 90 * DAY, NOW + 6 * DAY)],
)
def test_due_counts_from_the_last_that_passed(passed: datetime | None, since: datetime, due: datetime) -> None:
    assert due_at(passed_at=passed, since=since, days=7) == due


@pytest.mark.parametrize(
    ("due", "canary", "late"),
    [
        (NOW + DAY, False, False),
        (NOW, False, False),
        (NOW - DAY / 24, False, True),
        (NOW - DAY / 24, True, False),  # the schedule has a day to run it
        (NOW - 2 * DAY, True, True),
    ],
)
def test_overdue(due: datetime, canary: bool, late: bool) -> None:
    assert is_overdue(due=due, now=NOW, canary=canary) is late


@pytest.mark.parametrize(
    ("passed", "ended", "plan"),
    [
        (None, None, True),
        (NOW - 7 * DAY, NOW - 7 * DAY, True),
        (NOW - 6 * DAY, NOW - 6 * DAY, False),
        (NOW - 8 * DAY, NOW - DAY / 2, False),  # the last one failed half a day ago: not again so soon
        (NOW - 8 * DAY, NOW - 2 * DAY, True),
        (None, NOW - DAY / 2, False),
    ],
)
def test_what_the_schedule_plans(passed: datetime | None, ended: datetime | None, plan: bool) -> None:
    assert to_be_planned(passed_at=passed, ended_at=ended, now=NOW, days=7) is plan


def test_what_was_not_seen_is_no_pass() -> None:
    nothing = judge(Observed(), promised_ms=30_000)
    assert (nothing.passed, nothing.measured_ms) == (None, None)
    out = judge(Observed(points=(10,), refused=20, out=1), promised_ms=30_000)
    assert (out.passed, out.measured_ms) == (False, None)
    assert "1 enforcement point had not stopped" in out.sentence


TIMES = st.lists(st.integers(0, 100_000), max_size=5)


@given(TIMES, st.none() | st.integers(0, 100_000), st.none() | st.integers(0, 100_000))
def test_the_slowest_counts(points: list[int], refused: int | None, promised: int | None) -> None:
    verdict = judge(Observed(points=tuple(points), refused=refused), promised_ms=promised)
    times = [*points, *([] if refused is None else [refused])]
    assert verdict.measured_ms == max(times, default=None)
    if not times:
        assert verdict.passed is None
    else:
        assert verdict.passed is (promised is None or max(times) <= promised)
    assert verdict.sentence.endswith(".")
