"""Reading a recorded call back, old entries among them, and sharing out the examples."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.binding import bound_arguments
from approvals.rules.classify import classify
from approvals.rules.replay import Call, Counts, Pair, Replay, Tally, call_of, question_of, spread
from registry.rules.effective import compile_effective
from registry.rules.policy import Policy

POLICY = compile_effective(
    Policy.from_document({"scope": {"repositories": ["acme/payments"], "paths_allowed": ["**"]}})
)
# An entry as the first release wrote it: nothing of levels, of the composition or of what else was stated.
FIRST = {
    "credential": str(uuid4()),
    "tool": "Bash",
    "actions": ["test"],
    "repository": "acme/payments",
    "branch": None,
    "environment": None,
    "task": None,
}


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Bash", {"command": "pytest -q", "description": "Run tests", "timeout": 9}),
        ("Bash", {"command": "make", "run_in_background": True}),
        ("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}),
        ("Bash", {}),
        ("Read", {"file_path": "/w/a.py", "limit": 3}),
        ("mcp__x__y", {"a": [1, {"b": None}]}),
    ],
)
def test_a_call_read_back_is_understood_as_it_was_when_it_was_made(tool: str, given: dict[str, Any]) -> None:
    arguments = bound_arguments(tool, given, cwd="/w")
    back, recovered, cwd = call_of(arguments)
    assert (back, cwd) == (tool, "/w")
    assert classify(back, recovered, cwd=cwd) == classify(tool, given, cwd="/w")
    assert bound_arguments(back, recovered, cwd=cwd) == arguments


def test_an_entry_of_the_first_version_states_nothing_more_than_it_says() -> None:
    question = question_of(FIRST, Call("Bash", "/w", classify("Bash", {"command": "pytest"}, cwd="/w")))
    assert question.repository == "acme/payments"
    assert (question.model, question.provider, question.repository_id, question.credential) == (None,) * 4
    assert (question.fingerprint, question.task, question.files, question.lines) == (None,) * 4


@pytest.mark.parametrize("personal", [None, {}, {"sentence": "Allowed."}, {"arguments": "gone"}])
def test_without_the_call_a_check_is_unreadable(personal: dict[str, Any] | None) -> None:
    replay, agent = Replay(), uuid4()
    replay.take(Pair(POLICY, POLICY), None, entry_id=uuid4(), agent_id=agent, data=FIRST, personal=personal)
    assert replay.finish_chunk().agents == {str(agent): Counts(unreadable=1)}


def test_the_same_question_is_one_example_however_often_it_was_asked() -> None:
    stricter = compile_effective(Policy.from_document({"scope": {"repositories": ["acme/other"]}}))
    replay, agent, first = Replay(), uuid4(), uuid4()
    personal = {"arguments": bound_arguments("Bash", {"command": "pytest -q"}, cwd="/w"), "initiator": "a@example.test"}
    for entry_id in (first, uuid4(), uuid4()):
        replay.take(Pair(POLICY, stricter), None, entry_id=entry_id, agent_id=agent, data=FIRST, personal=personal)
    tally = replay.finish_chunk()
    assert tally.agents == {str(agent): Counts(refused=3)}
    assert tally.examples == [(str(first), "refused")]
    assert tally.initiators == {"a@example.test"}
    assert replay.finish_chunk() == Tally(), "what was told is not told again"


@given(st.lists(st.sampled_from(["allowed", "gated", "refused"]), max_size=60), st.integers(3, 40))
def test_no_kind_of_example_hides_another(changes: list[str], most: int) -> None:
    examples = [(str(number), change) for number, change in enumerate(changes)]
    kept = spread(examples, most)
    assert len(kept) == min(most, len(examples))
    assert set(kept) <= set(examples)
    assert {change for _, change in kept} == set(changes)
