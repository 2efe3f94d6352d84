"""What a policy grants, what is left without one entry of it, and when a campaign is done or missed."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.compare import widens
from registry.rules.policy import Policy
from registry.rules.recertification import (
    GRANTING,
    LONGEST_DAYS,
    TIERS,
    Granted,
    Standing,
    entries_of,
    fault_in_date,
    is_missed,
    progress_of,
    standing_of,
    without,
)

WHOLE: dict[str, Any] = {
    "scope": {
        "repositories": ["acme/payments", "acme/billing"],
        "branches_allowed": ["feature/**"],
        "branches_protected": ["main"],
        "paths_allowed": ["src/**", "docs/**"],
        "paths_blocked": ["secrets/"],
        "environments": ["test"],
        "hosts": ["docs.example.com"],
        "models": ["claude-*"],
        "tools": ["Bash", "Read"],
        "commands_allowed": ["git *", "pytest"],
        "commands_blocked": ["npm publish"],
        "credentials": ["deploy-key"],
    },
    "tiers": {"pr.merge": "gated", "secret.read": "forbidden"},
    "limits": {"files": 3},
}


def test_it_lists_what_is_granted_and_nothing_of_what_is_taken_away() -> None:
    found = entries_of(WHOLE)
    assert {granted.pointer.rpartition("/")[2] for granted in found} == set(GRANTING)
    assert Granted("/scope/paths_blocked", "secrets/") not in found
    assert Granted("/scope/branches_protected", "main") not in found
    assert len(found) == 13


def test_a_policy_that_says_nothing_grants_nothing() -> None:
    assert entries_of({}) == ()
    assert entries_of({"scope": {"tools": None}}) == ()


@pytest.mark.parametrize("granted", entries_of(WHOLE), ids=str)
def test_taking_any_entry_away_only_tightens(granted: Granted) -> None:
    narrowed = without(WHOLE, granted)
    assert granted not in entries_of(narrowed)
    assert set(entries_of(narrowed)) == set(entries_of(WHOLE)) - {granted}
    assert widens(Policy.from_document(WHOLE), Policy.from_document(narrowed)) == []


@given(st.permutations(entries_of(WHOLE)))
def test_entries_can_be_taken_away_one_after_the_other_until_none_is_left(order: list[Granted]) -> None:
    document = WHOLE
    for granted in order:
        narrowed = without(document, granted)
        assert widens(Policy.from_document(document), Policy.from_document(narrowed)) == []
        document = narrowed
    assert entries_of(document) == ()
    assert document["scope"]["tools"] == [], "a list that is gone would allow every tool"


def test_an_action_is_taken_away_by_forbidding_it() -> None:
    narrowed = without(WHOLE, Granted(TIERS, "pr.merge"))
    assert narrowed["tiers"] == {"pr.merge": "forbidden", "secret.read": "forbidden"}
    assert without(WHOLE, Granted(TIERS, "commit"))["tiers"]["commit"] == "forbidden"


@pytest.mark.parametrize(
    "granted",
    [
        Granted("/scope/repositories", "acme/other"),
        Granted("/scope/paths_blocked", "secrets/"),
        Granted("/scope/nonsense", "x"),
        Granted(TIERS, "secret.read"),
    ],
    ids=str,
)
def test_what_is_not_granted_cannot_be_taken_away(granted: Granted) -> None:
    with pytest.raises(LookupError):
        without(WHOLE, granted)


@pytest.mark.parametrize(
    ("verdict", "of_team", "granted", "standing"),
    [
        ("", True, True, Standing.OPEN),
        ("", True, False, Standing.GONE),
        ("", False, True, Standing.LEFT),
        ("keep", True, True, Standing.KEPT),
        ("keep", True, False, Standing.KEPT),
        ("remove", True, False, Standing.REMOVED),
        ("remove", False, True, Standing.REMOVED),
    ],
)
def test_the_standing_of_an_entry(verdict: str, of_team: bool, granted: bool, standing: Standing) -> None:
    assert standing_of(verdict, still_of_team=of_team, still_granted=granted) is standing


def test_a_campaign_is_done_when_nothing_waits() -> None:
    assert progress_of([]).done
    assert progress_of([Standing.KEPT, Standing.GONE, Standing.LEFT, Standing.REMOVED]).done
    found = progress_of([Standing.KEPT, Standing.OPEN])
    assert (found.total, found.settled, found.left, found.done) == (2, 1, 1, False)


def test_the_whole_day_is_still_in_time() -> None:
    due = date(2026, 3, 31)
    assert not is_missed(due, due)
    assert is_missed(due, due + timedelta(days=1))
    assert fault_in_date(due, due) is not None
    assert fault_in_date(due + timedelta(days=1), due) is None
    assert fault_in_date(due + timedelta(days=LONGEST_DAYS), due) is None
    assert fault_in_date(due + timedelta(days=LONGEST_DAYS + 1), due) is not None
