"""An approval is for exactly one call: no field of the call may be exchanged afterwards."""

from approvals.rules.binding import bound_arguments


def test_an_approval_does_not_cover_running_outside_the_sandbox() -> None:
    approved = bound_arguments("Bash", {"command": "rm a"}, cwd="/w")
    asked = bound_arguments("Bash", {"command": "rm a", "dangerouslyDisableSandbox": True}, cwd="/w")
    assert approved != asked


def test_what_the_agent_says_about_a_call_does_not_void_its_approval() -> None:
    first = bound_arguments("Bash", {"command": "rm a", "description": "one", "timeout": 1}, cwd="/w")
    assert first == bound_arguments("Bash", {"command": "rm a", "description": "two"}, cwd="/w")
