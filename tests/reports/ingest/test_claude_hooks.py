"""Hook events as the released agents sent them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from reports.ingest import claude_hooks
from reports.ingest.incoming import Incoming, IngestError, Outcome
from tests.reports.ingest.samples import NOW, sample


def read(body: dict[str, Any], *, seconds: int = 0) -> Incoming:
    parsed = claude_hooks.read(json.dumps(body).encode(), now=NOW + timedelta(seconds=seconds))
    assert parsed.rejected == []
    (event,) = parsed.incoming
    return event


def recorded(agent: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sample(f"hooks/{agent}.jsonl").splitlines()]


def test_claude_code_events() -> None:
    events = {event.name: event for event in map(read, recorded("claude_code"))}
    assert set(events) == {"SessionStart", "UserPromptSubmit", "PostToolUse", "Stop", "SessionEnd"}
    ran = events["PostToolUse"]
    assert (ran.tool, ran.tool_use_id, ran.outcome) == ("Write", "toolu_mock0001", Outcome.OK)
    assert ran.facts == {
        "duration_ms": 6,
        "effort": "medium",
        "permission_mode": "bypassPermissions",
        "prompt_id": "5bc66574-a0bf-4e3f-a6dc-41e4c739a48f",
    }
    assert set(ran.content) == {"cwd", "tool_input", "tool_output", "attributes"}
    assert events["UserPromptSubmit"].content["prompt"] == "List the files, write a note, then force-push."
    assert events["SessionEnd"].facts["reason"] == "other"
    assert events["Stop"].content["response"] == "Done: listed files, wrote a note."


@pytest.mark.parametrize("agent", ["claude_code", "codex", "gemini_cli", "copilot"])
def test_every_dialect_keeps_every_word_and_shows_none(agent: str) -> None:
    for body in recorded(agent):
        if "hook_event_name" not in body and "hookName" not in body:
            continue
        event = read(body)
        assert event.session == (body.get("session_id") or body["sessionId"])
        for personal in ("hello-from-agent", "force-push", "/home/"):
            assert personal not in json.dumps(event.facts)
            if personal in json.dumps(body):
                assert personal in json.dumps(event.content)


def test_copilot_in_camel_case_is_understood_when_it_names_its_event() -> None:
    nameless = [body for body in recorded("copilot") if "hook_event_name" not in body and "hookName" not in body]
    assert nameless
    with pytest.raises(IngestError, match="no hook_event_name"):
        read(nameless[0])
    asked = next(read(body) for body in recorded("copilot") if "hookName" in body)
    assert (asked.name, asked.tool) == ("PermissionRequest", "bash")
    assert asked.occurred_at is not None
    assert asked.occurred_at.year == 2026


def test_an_event_name_nobody_knows_is_recorded_by_it() -> None:
    event = read({"hook_event_name": "MoonPhase", "session_id": "s", "phase": "full", "ratio": 0.5})
    assert event.name == "MoonPhase"
    assert event.content["attributes"] == {"phase": "full", "ratio": "0.5"}


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"hook_event_name": "PostToolUse", "tool_response": {"interrupted": True}}, "interrupted"),
        ({"hook_event_name": "PostToolUse", "tool_result": {"result_type": "denied"}}, "denied"),
        ({"hook_event_name": "PostToolUse", "tool_result": {"result_type": "failure"}}, "error"),
        ({"hook_event_name": "AfterTool", "tool_response": {"error": {"message": "no"}}}, "error"),
        ({"hook_event_name": "PostToolUseFailure", "error": "exit 1"}, "error"),
        ({"hook_event_name": "PostToolUseFailure", "error": "x", "is_interrupt": True}, "interrupted"),
        ({"hook_event_name": "postToolUseFailure", "failure_type": "permission_denied"}, "denied"),
        ({"hook_event_name": "PermissionDenied", "reason": "not here"}, "denied"),
        ({"hook_event_name": "StopFailure", "error": "rate_limit"}, "error"),
        ({"hook_event_name": "SubagentStart", "agent_type": "Explore"}, None),
    ],
)
def test_outcomes(fields: dict[str, Any], outcome: str | None) -> None:
    assert read({"session_id": "s"} | fields).outcome == outcome


def test_one_tool_call_is_one_event_even_when_its_output_differs() -> None:
    body = {"hook_event_name": "PostToolUse", "session_id": "s", "tool_use_id": "t1"}
    assert read(body).key == read(body | {"tool_response": "other"}, seconds=90).key
    assert read(body).key != read(body | {"hook_event_name": "PostToolUseFailure"}).key
    assert read(body).key != read(body | {"session_id": "s2"}).key


def test_events_without_any_number_may_happen_twice() -> None:
    resumed = {"hook_event_name": "SessionStart", "session_id": "s", "source": "resume"}
    assert read(resumed).key != read(resumed, seconds=60).key
    assert read(resumed).key == read(resumed).key
    timed = resumed | {"timestamp": "2026-11-22T11:00:00Z"}
    assert read(timed).key == read(timed, seconds=60).key
    prompt = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt_id": "p", "prompt": "go"}
    assert read(prompt).key == read(prompt, seconds=60).key


def test_output_with_nul_and_broken_surrogates_is_kept_visibly() -> None:
    body = b'{"hook_event_name":"PostToolUse","session_id":"s","tool_response":"a\\u0000b\\ud800"}'
    (event,) = claude_hooks.read(body, now=NOW).incoming
    assert event.content["tool_output"] == "a\u2400b\ufffd"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"hook_event_name":"Stop"}',
        b'{"session_id":"s"}',
        b'{"hook_event_name":"two words","session_id":"s"}',
        b'{"hook_event_name":"Stop","session_id":"a\\nb"}',
        b'{"hook_event_name":"Stop","session_id":"s","session_id":"t"}',
    ],
)
def test_a_body_that_names_no_event_or_session_is_refused(body: bytes) -> None:
    with pytest.raises(IngestError):
        claude_hooks.read(body, now=NOW)
