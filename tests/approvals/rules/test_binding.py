"""The action digest: every bound thing changes it, the order of keys does not, the agent's own words do not."""

from typing import Any
from uuid import UUID

import pytest

from approvals.rules.binding import bound_arguments, digest

BOUND: dict[str, Any] = {
    "agent_id": UUID(int=1),
    "action": "push.force",
    "resource": "main",
    "arguments": {"command": "git push -f", "cwd": "/a"},
    "revision_id": UUID(int=2),
    "epoch": 3,
}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("agent_id", UUID(int=9)),
        ("action", "push.branch"),
        ("resource", "main2"),
        ("arguments", {"command": "git push -f ", "cwd": "/a"}),
        ("arguments", {"command": "git push -f", "cwd": "/b"}),
        ("arguments", {"command": "git push -f", "cwd": "/a", "x": None}),
        ("revision_id", UUID(int=9)),
        ("epoch", 4),
    ],
)
def test_each_bound_thing_changes_the_digest(name: str, other: object) -> None:
    assert digest(**{**BOUND, name: other}) != digest(**BOUND)


def test_the_order_of_keys_does_not() -> None:
    turned = dict(reversed(list(BOUND["arguments"].items())))
    assert digest(**{**BOUND, "arguments": turned}) == digest(**BOUND)


def test_the_digest_is_pinned() -> None:
    # Stored digests must fit for ever: if this changes, the domain tag must change with it.
    assert digest(**BOUND).hex() == "de50ab517e2b576e8e5bfce8047cb34bc9bb81e48a77d31d2bcd36db433fcfe8"


def test_bash_binds_what_runs_and_not_how_the_agent_describes_it() -> None:
    one = bound_arguments("Bash", {"command": "ls", "description": "List", "timeout": 1}, cwd="/a")
    assert one == bound_arguments("Bash", {"command": "ls", "description": "Show", "timeout": 2}, cwd="/a")
    assert one != bound_arguments("Bash", {"command": "ls "}, cwd="/a")
    assert one != bound_arguments("Bash", {"command": "ls"}, cwd="/b")
    assert one != bound_arguments("Bash", {"command": "ls", "run_in_background": True}, cwd="/a")


def test_unicode_forms_stay_apart() -> None:
    assert bound_arguments("Bash", {"command": "\u00e9"}, cwd="") != bound_arguments(
        "Bash", {"command": "e\u0301"}, cwd=""
    )


def test_another_tool_binds_all_of_its_input() -> None:
    one = bound_arguments("Write", {"file_path": "a", "content": "x"}, cwd="/a")
    assert one != bound_arguments("Write", {"file_path": "a", "content": "y"}, cwd="/a")
    assert one != bound_arguments("Edit", {"file_path": "a", "content": "x"}, cwd="/a")


def test_a_float_can_be_bound_and_is_not_its_text() -> None:
    one = bound_arguments("mcp__a__b", {"x": [1.5]}, cwd="/a")
    assert len(digest(**{**BOUND, "arguments": one})) == 32
    assert one != bound_arguments("mcp__a__b", {"x": ["1.5"]}, cwd="/a")
