"""An edited call: the input behind what was bound, the difference in full, and what the agent is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.binding import bound_arguments
from approvals.rules.edited import difference, input_of, instruct, sent_back

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = TEXT | st.sampled_from(["float", "object", "input", "command", "description", "run_in_background", "options"])
SINGLE = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SINGLE | FLOATS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
INPUTS = st.dictionaries(NAMES, VALUES, max_size=5)


@given(st.sampled_from(["Bash", "Write", "mcp__db__query"]), INPUTS)
def test_what_was_bound_gives_an_input_that_is_bound_the_same(tool: str, tool_input: dict[str, Any]) -> None:
    """So that the edited call, rebuilt from what was kept, is the one that the agent makes."""
    bound = bound_arguments(tool, tool_input, cwd="/work")
    assert bound_arguments(tool, input_of(bound), cwd="/work") == bound


@given(INPUTS)
def test_of_another_tool_the_input_comes_back_whole(tool_input: dict[str, Any]) -> None:
    assert input_of(bound_arguments("Write", tool_input, cwd="/work")) == tool_input


def test_the_difference_has_all_lines_of_all_parameters() -> None:
    before = {"command": "one\ntwo\nthree", "timeout": 5}
    after = {"command": "one\n2\nthree", "timeout": 5}
    lines = difference(before, after).split("\n")
    assert lines[:2] == ["--- as asked", "+++ as edited"]
    assert lines[3:] == [" command:", "   one", "-  two", "+  2", "   three", " timeout:", "   5"]


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x85", "\r"])
def test_only_a_line_feed_ends_a_line(separator: str) -> None:
    """What a shell takes for one line must not look like two."""
    changed = difference({"command": f"ls{separator}rm -rf x"}, {"command": "ls"})
    assert f"-  ls{separator}rm -rf x" in changed.split("\n")


@given(INPUTS)
def test_nothing_changed_is_no_difference(tool_input: dict[str, Any]) -> None:
    assert difference(tool_input, tool_input) == ""


def test_the_agent_is_told_the_exact_input() -> None:
    after = {"command": 'echo “ü” \\ "x"\nls'}
    told = instruct(asked="AR-1", edited="AR-2", tool="Bash", tool_input=after, changed="THE DIFFERENCE", waits=False)
    line = next(line for line in told.split("\n") if line.startswith("{"))
    assert json.loads(line) == after
    assert told.endswith("THE DIFFERENCE")
    assert "approved as AR-2" in told
    waits = instruct(asked="AR-1", edited="AR-2", tool="Bash", tool_input=after, changed="", waits=True)
    assert "waits for approval as AR-2" in waits


def test_what_was_sent_back_says_why() -> None:
    assert sent_back(asked="AR-1", reasons=["Rebase.", "And test."]).endswith("Rebase.\nAnd test.")
