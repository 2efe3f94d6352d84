"""Which entries of a narrowing can never match: never said of one that could."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.narrowing import in_words, may_meet, never_matching
from registry.rules.patterns import _glob
from registry.rules.scope import Scope

NAMES = st.text("ab/", min_size=1, max_size=6)
PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "?", "a*", "*b", "**", "ab"]), min_size=1, max_size=4).map("/".join)


@given(one=PATTERNS, other=PATTERNS, name=NAMES)
def test_patterns_that_share_a_name_are_never_called_apart(one: str, other: str, name: str) -> None:
    if all(re.fullmatch(_glob(pattern, "/"), name) for pattern in (one, other)):
        assert may_meet(one, other)


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("acme/payments", "acme/payments", True),
        ("acme/payments", "acme/other", False),
        ("acme/*", "acme/payments", True),
        ("acme/pay*", "acme/*ments", True),
        ("acme/pay*", "acme/other*", False),
        ("acme/a?c", "acme/abc", True),
        ("acme/*", "acme/a/b", False),
        ("feature/**", "feature/a/b", True),
        ("feature/**", "fix/**", False),
        ("acme/payments#1", "acme/renamed#1", True),
        ("acme/payments#1", "acme/payments#2", False),
        ("acme/payments#1", "acme/payments", True),
        ("acme/payments#1", "acme/other", False),
    ],
)
def test_whether_two_patterns_can_meet(one: str, other: str, meets: bool) -> None:
    assert may_meet(one, other) is meets
    assert may_meet(other, one) is meets


def test_entries_are_named_by_their_place() -> None:
    scope = Scope(repositories=("acme/payments",), environments=("staging",), tools=None)
    narrowing = {
        "repositories": ("acme/payments", "acme/x"),
        "environments": ("qa",),
        "tools": ("Bash",),
        "hosts": ("a.b",),
    }
    assert [fault["pointer"] for fault in never_matching(narrowing, scope)] == [
        "/scope/repositories/1",
        "/scope/environments/0",
    ]


def test_a_narrowing_in_words() -> None:
    document: dict[str, Any] = {
        "scope": {"repositories": ["acme/x#5"], "branches_allowed": ["feature/**"], "environments": []},
        "limits": {"files": 5},
    }
    assert in_words(document) == ["acme/x#5", "branch feature/**", "no environment at all", "files 5"]
    assert in_words({}) == []
