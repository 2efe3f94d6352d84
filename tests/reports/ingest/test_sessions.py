"""Recorded sessions: every line is imported, a duplicate or refused, and says so."""

import hashlib
import json

import pytest

from reports.ingest import claude_sessions, gemini_sessions
from reports.ingest.checkpoints import read_checkpoint
from reports.ingest.incoming import IngestError, Outcome
from reports.ingest.transcripts import Transcript
from tests.reports.ingest.samples import NOW, sample


def claude() -> Transcript:
    return claude_sessions.read(sample("sessions/claude_code.jsonl"), now=NOW)


def test_every_line_of_a_claude_session_is_accounted_for() -> None:
    read = claude()
    assert read.lines == 17
    assert [(line.position, line.disposition) for line in read.account if line.disposition != "imported"] == [
        ("line 8", "rejected"),
        ("line 9", "rejected"),
        ("line 10", "rejected"),
        ("line 14", "duplicate"),
        ("line 17", "rejected"),
    ]
    assert [item.reason.split(" at ")[0] for item in read.rejected] == [
        "not JSON: Unterminated string starting",
        "the line is blank",
        "not JSON: Extra data",
        "the line has no type",
    ]
    assert read.account[13].reason == "already given by line 12"
    assert len(read.incoming) == sum(line.events for line in read.account) + 2  # and one usage per response


def test_what_claude_did_and_what_became_of_it() -> None:
    events = claude().incoming
    assert [event.name for event in events] == [
        *("summary", "user_prompt", "file-history-snapshot", "assistant_thinking", "assistant_response"),
        *("tool_use", "tool_result", "assistant_response", "tool_use", "tool_result", "interrupted"),
        *("system", "brand-new-kind", "usage", "usage"),
    ]
    results = [event for event in events if event.name == "tool_result"]
    assert [(event.tool, event.outcome) for event in results] == [("Bash", "error"), ("Bash", "denied")]
    assert results[0].content["tool_output"] == "1 failed \u2400 bytes"
    assert events[1].branch == "fix/cart"
    assert events[11].facts["duration_ms"] == 9900


def test_usage_is_counted_once_per_response_with_its_final_numbers() -> None:
    first, second = [event for event in claude().incoming if event.name == "usage"]
    assert (first.facts["message_id"], first.facts["output_tokens"]) == ("msg_01", 42)
    assert (second.facts["input_tokens"], second.facts["output_tokens"]) == (20, 9)
    assert all("output_tokens" not in event.facts for event in claude().incoming if event.name != "usage")


def test_a_session_read_again_has_the_same_keys_and_no_key_twice() -> None:
    keys = [event.key for event in claude().incoming]
    assert keys == [event.key for event in claude().incoming]
    assert len(set(keys)) == len(keys)
    longer = claude_sessions.read(b'{"type":"mode"}\n' + sample("sessions/claude_code.jsonl"), now=NOW)
    assert set(keys) < {event.key for event in longer.incoming}


def test_a_time_in_9999_is_a_claim_and_no_date() -> None:
    odd = next(event for event in claude().incoming if event.name == "brand-new-kind")
    assert odd.occurred_at is None
    assert odd.facts["claimed_time"] == "9999-01-01T00:00:00+00:00"
    assert odd.content["attributes"] == {
        "cwd": "/srv/shop",
        "payload": {"ratio": "0.5"},
    }


def test_no_words_of_a_session_stay_in_clear() -> None:
    for read in (claude(), gemini_sessions.read(sample("sessions/gemini_cli.jsonl"), now=NOW)):
        clear = json.dumps([event.facts for event in read.incoming])
        for word in ("cart", "push", "rounding", "/srv", "hello", "pytest"):
            assert word not in clear


def test_gemini_document() -> None:
    read = gemini_sessions.read(sample("sessions/gemini_document.json"), now=NOW)
    assert read.session_id == "6a1f"
    assert [(line.position, line.disposition, line.events) for line in read.account] == [
        ("/messages/0", "imported", 1),
        ("/messages/1", "imported", 7),
        ("/messages/2", "imported", 1),
        ("/messages/3", "rejected", 0),
        ("/messages/4", "duplicate", 0),
    ]
    results = [event for event in read.incoming if event.name == "tool_result"]
    assert [(event.tool, event.outcome) for event in results] == [
        ("run_shell_command", Outcome.DENIED),
        ("read_file", Outcome.OK),
    ]


def test_gemini_lines_that_repeat_a_message_give_only_what_is_new() -> None:
    read = gemini_sessions.read(sample("sessions/gemini_cli.jsonl"), now=NOW)
    assert read.lines == 16
    assert [line.position for line in read.account if line.disposition == "duplicate"] == [
        "line 8",
        "line 13",
    ]
    assert [event.outcome for event in read.incoming if event.name == "tool_result"] == ["ok", "denied"]
    assert len([event for event in read.incoming if event.name == "usage"]) == 3


def test_a_checkpoint_joins_transcript_metadata_and_hash() -> None:
    transcript = sample("sessions/claude_code.jsonl")
    files = {
        "full.jsonl": transcript,
        "content_hash.txt": f"sha256:{hashlib.sha256(transcript).hexdigest()}\n".encode(),
        "metadata.json": json.dumps(
            {
                "agent": "Claude Code",
                "session_id": "2026-11-02-5f0c8a52-7b0d-4a37-9a50-2f1d6f0a9d11",
                "branch": "fix/cart",
                "created_at": "2026-11-02T20:00:00+11:00",
                "files_touched": ["shop/cart.py", 7],
            }
        ).encode(),
    }
    session = read_checkpoint(files, now=NOW)
    assert (session.agent, session.branch, session.intact) == ("Claude Code", "fix/cart", True)
    assert session.files_touched == ("shop/cart.py",)
    assert session.created_at is not None
    assert session.created_at.hour == 9
    assert {event.session for event in session.incoming} == {"5f0c8a52-7b0d-4a37-9a50-2f1d6f0a9d11"}
    assert session.lines == len(session.account) == 17
    assert read_checkpoint(files | {"full.jsonl": transcript + b"{}"}, now=NOW).intact is False


def test_a_checkpoint_knows_a_gemini_session_by_its_form() -> None:
    for name in ("gemini_document.json", "gemini_cli.jsonl"):
        session = read_checkpoint({"full.jsonl": sample(f"sessions/{name}")}, now=NOW)
        assert any(event.tool == "run_shell_command" for event in session.incoming)
        assert (session.agent, session.intact) == (None, None)


def test_a_checkpoint_with_unreadable_metadata_says_so_and_is_read_without() -> None:
    session = read_checkpoint({"full.jsonl": b"", "metadata.json": b"{"}, now=NOW)
    assert [item.position for item in session.rejected] == ["metadata.json"]
    assert session.lines == 0
    with pytest.raises(IngestError):
        read_checkpoint({}, now=NOW)
