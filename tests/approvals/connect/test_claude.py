"""The dialect of Claude Code: what is taken from a hook's body, and the exact replies."""

from typing import Any

import pytest

from approvals.connect.hooks.claude import HookError, parse, reply
from approvals.rules.authorize import Decision, Effect, Outcome, Rule
from registry.rules.tiers import Tier

BODY: dict[str, Any] = {
    "session_id": "s1",
    "transcript_path": "/home/dev/t.jsonl",
    "cwd": "/home/dev/shop",
    "prompt_id": "p1",
    "permission_mode": "bypassPermissions",
    "effort": {"level": "medium"},
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {"command": "ls", "description": "List"},
    "tool_use_id": "toolu_1",
}


def test_a_call_is_read() -> None:
    call = parse(BODY)
    assert (call.session_id, call.cwd, call.tool, call.tool_use_id) == ("s1", "/home/dev/shop", "Bash", "toolu_1")
    assert call.tool_input == {"command": "ls", "description": "List"}
    assert call.permission_mode == "bypassPermissions"


def test_what_is_optional_may_be_missing() -> None:
    call = parse({key: BODY[key] for key in ("session_id", "cwd", "hook_event_name", "tool_name", "tool_input")})
    assert (call.tool_use_id, call.permission_mode) == ("", "")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"session_id": None}, "/session_id"),
        ({"session_id": ""}, "/session_id"),
        ({"session_id": 3}, "/session_id"),
        ({"cwd": ["a"]}, "/cwd"),
        ({"cwd": "a" * 5000}, "/cwd"),
        ({"tool_name": None}, "/tool_name"),
        ({"tool_input": "ls"}, "/tool_input"),
        ({"tool_input": None}, "/tool_input"),
        ({"tool_use_id": 1}, "/tool_use_id"),
        ({"hook_event_name": "PostToolUse"}, "/hook_event_name"),
        ({"hook_event_name": None}, "/hook_event_name"),
    ],
)
def test_a_wrong_body_is_refused_with_a_pointer(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(HookError) as caught:
        parse({**BODY, **change})
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(HookError):
        parse(body)


def decided(outcome: Outcome, rule: str = "tier.x") -> Decision:
    return Decision(outcome, Tier.GATED, (Rule(rule, Effect.FORBID, "Because."),), "A sentence.")


def test_allow() -> None:
    assert reply(decided(Outcome.ALLOW)) == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "allow",
            "permissionDecisionReason": "A sentence.",
        }
    }


def output(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["hookSpecificOutput"]
    return found


def test_review_denies_and_says_what_to_do() -> None:
    answer = reply(decided(Outcome.REVIEW), "AR-12", "https://portal.example/approvals/AR-12/")
    assert output(answer)["permissionDecision"] == "deny"
    reason = output(answer)["permissionDecisionReason"]
    assert "AR-12 (https://portal.example/approvals/AR-12/)" in reason
    assert "after AR-12 is approved" in reason
    assert "Do not work around it" in reason
    assert "continue" not in answer


def test_review_without_a_request_is_still_a_denial() -> None:
    assert output(reply(decided(Outcome.REVIEW)))["permissionDecision"] == "deny"


def test_deny_names_no_request() -> None:
    answer = reply(decided(Outcome.DENY))
    assert output(answer)["permissionDecision"] == "deny"
    assert "No approval can change this" in output(answer)["permissionDecisionReason"]


def test_a_kill_ends_the_session() -> None:
    answer = reply(decided(Outcome.DENY, "standing.stopped.all"))
    assert answer["continue"] is False
    assert "A sentence." in str(answer["stopReason"])
    assert output(answer)["permissionDecision"] == "deny"


def test_a_long_sentence_leaves_room_for_what_to_do() -> None:
    long = Decision(Outcome.REVIEW, Tier.GATED, (), "x" * 20_000)
    reason = output(reply(long, "AR-1"))["permissionDecisionReason"]
    assert len(reason) < 5000
    assert "AR-1" in reason


def test_warnings_stand_beside_the_decision_and_change_nothing() -> None:
    rule = Rule("tier.read", Effect.ALLOW, "Read files: free for this agent.")
    for outcome in Outcome:
        decision = Decision(outcome, Tier.FREE, (rule,), "Said.", warnings=("Too large.", "w" * 20_000))
        plain = Decision(outcome, Tier.FREE, (rule,), "Said.")
        warned: Any = reply(decision)["hookSpecificOutput"]
        context = warned.pop("additionalContext")
        assert context.startswith("Too large.\nw")
        assert len(context) < 10_000, "Claude Code takes no more"
        assert warned == reply(plain)["hookSpecificOutput"]
