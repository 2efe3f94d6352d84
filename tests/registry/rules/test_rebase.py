"""Two edits of one document: both are kept, and where they meet it is said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.rebase import rebase

BASE: dict[str, Any] = {
    "scope": {"hosts": ["a", "b"]},
    "limits": {"files": 20},
    "tasks": {"x": {"limits": {"files": 3}}},
}


@pytest.mark.parametrize(
    ("theirs", "mine", "merged", "clashes"),
    [
        ({"scope": {"hosts": ["a"]}}, {"scope": {"hosts": ["a", "b", "c"]}}, {"scope": {"hosts": ["a", "c"]}}, ()),
        ({"scope": {"hosts": ["a", "b", "d"]}}, {"scope": {"hosts": ["b"]}}, {"scope": {"hosts": ["b", "d"]}}, ()),
        ({"limits": {"files": 10}}, {"limits": {"files": 20, "lines": 5}}, {"limits": {"files": 10, "lines": 5}}, ()),
        ({"limits": {"files": 10}}, {"limits": {"files": 5}}, {"limits": {"files": 5}}, ("/limits/files",)),
        ({"limits": {"files": 5}}, {"limits": {"files": 5}}, {"limits": {"files": 5}}, ()),
        ({"tasks": {}}, {"tasks": {"x": {"limits": {"files": 3}}, "y": {}}}, {"tasks": {"y": {}}}, ()),
        (
            {"tasks": {}},
            {"tasks": {"x": {"limits": {"files": 1}}}},
            {"tasks": {"x": {"limits": {"files": 1}}}},
            ("/tasks/x",),
        ),
        ({"new/one": 1}, {}, {"new/one": 1}, ()),
        ({"new/one": 1}, {"new/one": 2}, {"new/one": 2}, ("/new~1one",)),
    ],
)
def test_both_changes_stand(
    theirs: dict[str, Any], mine: dict[str, Any], merged: dict[str, Any], clashes: tuple[str, ...]
) -> None:
    result = rebase(base=BASE, theirs={**BASE, **theirs}, mine={**BASE, **mine})
    assert result.document == {**BASE, **merged}
    assert result.clashes == clashes


_values = st.recursive(
    st.integers(0, 3) | st.lists(st.sampled_from("abc"), unique=True, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
_documents = st.dictionaries(st.sampled_from("pqr"), _values, max_size=3)


@given(_documents, _documents)
def test_who_changed_nothing_gets_the_other_whole(base: dict[str, Any], other: dict[str, Any]) -> None:
    assert rebase(base=base, theirs=other, mine=base).document == other
    assert rebase(base=base, theirs=base, mine=other).document == other
    assert rebase(base=base, theirs=other, mine=other).clashes == ()
