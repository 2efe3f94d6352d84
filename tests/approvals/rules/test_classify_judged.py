"""The verdicts of the sample that was read by hand: what the measurements say of it is what the table holds."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAD, *ROWS = [line.split("\t") for line in (ROOT / "tests/data/classify/judged.tsv").read_text().splitlines()]


def test_two_hundred_calls_were_judged_and_none_was_read_too_mildly() -> None:
    assert HEAD == ["index", "tool", "action types", "verdict", "note"]
    assert len({row[0] for row in ROWS}) == len(ROWS) == 200
    assert Counter(row[3] for row in ROWS) == {"right": 180, "too strict": 19, "wrong target": 1}
    assert "Right: 180. Too strict: 19" in (ROOT / "docs/measurements.md").read_text()


def test_what_was_called_too_strict_is_what_was_not_understood() -> None:
    assert all("unknown" in row[2].split() for row in ROWS if row[3] == "too strict")


def test_the_table_holds_nothing_of_the_sessions() -> None:
    assert not [row for row in ROWS if any(mark in row[1] + row[4] for mark in "/~@\\$")]
