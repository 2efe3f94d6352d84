"""The rules of packages as tables: periods, and what a package cannot prove."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reports.rules.completeness import CounterGap, Evidence, SourceTally, assess
from reports.rules.package import PackageVerdict
from reports.rules.period import LONGEST, presets, refusal

NOW = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
CLEAN = Evidence(
    entries=10,
    unsealed=0,
    checks=5,
    events=4,
    self_reported=4,
    erased=0,
    erased_entries=0,
    gaps=(),
    sources=(),
    silent_agents=(),
    checkpoint_lag=timedelta(seconds=5),
    longest_silence=timedelta(seconds=61),
    log_began_inside=False,
    unfinished_requests=0,
    incomplete_requests=0,
    scope_is_all=True,
)
_TALLY = SourceTally(agent="A", source="ci", received=10, duplicate=0, rejected=2)


@pytest.mark.parametrize(
    ("change", "code", "verdict", "words"),
    [
        ({"unsealed": 3}, "unsealed", PackageVerdict.INCOMPLETE, "3 entries recorded in the period had no place"),
        ({"unsealed": 1}, "unsealed", PackageVerdict.INCOMPLETE, "1 entry recorded"),
        ({"gaps": [CounterGap(agent="A", source="ci", missing=7)]}, "gaps", PackageVerdict.INCOMPLETE, "A (ci): 7"),
        ({"sources": [_TALLY]}, "rejected", PackageVerdict.EXCEPTIONS, "2 of 10 reported events"),
        ({"sources": [replace(_TALLY, rejected=0, duplicate=4)]}, "duplicates", PackageVerdict.COMPLETE, "4 reports"),
        ({"silent_agents": [*"ABCDEFG"]}, "silent-agents", PackageVerdict.EXCEPTIONS, "A, B, C, D, E and 2 more"),
        ({"silent_agents": ["A"]}, "silent-agents", PackageVerdict.EXCEPTIONS, "Either it did nothing"),
        ({"checkpoint_lag": timedelta(minutes=9)}, "old-checkpoint", PackageVerdict.EXCEPTIONS, "9 minutes old"),
        ({"checkpoint_lag": None}, "no-checkpoint", PackageVerdict.INCOMPLETE, "no signed checkpoint"),
        ({"longest_silence": timedelta(hours=3)}, "silence", PackageVerdict.EXCEPTIONS, "3 hours"),
        ({"log_began_inside": True}, "log-began", PackageVerdict.EXCEPTIONS, "began within the period"),
        ({"erased": 2, "erased_entries": 1}, "erased", PackageVerdict.EXCEPTIONS, "2 personal values in 1 entry"),
        ({"erased": None}, "erased-unknown", PackageVerdict.COMPLETE, "once the package is built"),
        ({"unfinished_requests": 1}, "request-open", PackageVerdict.COMPLETE, "1 approval request had no outcome"),
        ({"incomplete_requests": 2}, "request-outside", PackageVerdict.COMPLETE, "2 approval requests began before"),
        ({"entries": 0, "checks": 0, "events": 0}, "empty", PackageVerdict.COMPLETE, "Nothing in scope"),
        ({"self_reported": 1}, "self-reported", PackageVerdict.COMPLETE, "1 of 4 run events (25 %)"),
        ({"scope_is_all": False}, "scope", PackageVerdict.COMPLETE, "hashes only"),
    ],
)
def test_each_limit_is_named_and_weighed(change: dict[str, Any], code: str, verdict: str, words: str) -> None:
    found = assess(replace(CLEAN, **change))
    assert found.verdict is verdict
    assert [words in finding.sentence for finding in found.findings if finding.code == code] == [True]


def test_a_clean_package_is_complete_and_still_says_what_always_holds() -> None:
    found = assess(CLEAN)
    assert found.verdict is PackageVerdict.COMPLETE
    assert {finding.code for finding in found.findings} == {"self-reported", "never-asked", "unwitnessed"}
    assert not found.exceptions
    witnessed = assess(replace(CLEAN, witnessed=True))
    assert "unwitnessed" not in {finding.code for finding in witnessed.findings}


def test_the_gravest_comes_first() -> None:
    found = assess(replace(CLEAN, erased=1, erased_entries=1, unsealed=1))
    assert [finding.weight.value for finding in found.findings][:2] == ["missing", "exception"]


@pytest.mark.parametrize(
    ("start", "end", "refused"),
    [
        (NOW - timedelta(days=1), NOW, False),
        (NOW - LONGEST, NOW, False),
        (NOW - LONGEST - timedelta(microseconds=1), NOW, True),
        (NOW, NOW, True),
        (NOW, NOW - timedelta(days=1), True),
        (NOW - timedelta(days=1), NOW + timedelta(microseconds=1), True),
        (datetime(2026, 1, 1), NOW, True),  # noqa: DTZ001 (a time without a zone is the case)
    ],
)
def test_which_periods_may_be_asked_for(start: datetime, end: datetime, refused: bool) -> None:
    assert (refusal(start, end, now=NOW) is not None) is refused


@pytest.mark.parametrize("now", [NOW, datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 2, 29, 12, tzinfo=UTC)])
def test_every_preset_may_be_asked_for(now: datetime) -> None:
    offered = presets(now)
    assert len({preset.key for preset in offered}) == len(offered) >= 5
    for preset in offered:
        assert refusal(preset.start, preset.end, now=now) is None, preset


def test_the_quarter_before_january_is_the_last_of_the_year_before() -> None:
    spans = {preset.key: (preset.start, preset.end) for preset in presets(datetime(2026, 1, 15, tzinfo=UTC))}
    assert spans["last-quarter"] == (datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert spans["last-month"] == (datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
