"""The log exports of five agents, in both encodings, and what must survive in them."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from reports.ingest import otlp_json, otlp_protobuf
from reports.ingest.incoming import BodyTooLarge, Incoming, IngestError, Outcome, Parsed
from tests.reports.ingest.samples import NOW, sample


def text(value: str) -> dict[str, str]:
    return {"stringValue": value}


def body(*records: dict[str, Any], resource: dict[str, Any] | None = None) -> bytes:
    scope = {"scopeLogs": [{"scope": {"name": "test"}, "logRecords": list(records)}]}
    return json.dumps({"resourceLogs": [{"resource": resource} | scope]}).encode()


def record(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": value} for key, value in attributes.items()]} | fields


def only(parsed: Parsed) -> Incoming:
    assert parsed.rejected == []
    (event,) = parsed.incoming
    return event


def event_of(attributes: dict[str, Any], **fields: Any) -> Incoming:
    named = {"event.name": text("tool_result"), "session.id": text("s1")} | attributes
    return only(otlp_json.read(body(record(named, **fields)), now=NOW))


def named(parsed: Parsed, name: str) -> list[Incoming]:
    return [event for event in parsed.incoming if event.name == name]


def test_claude_code_numbers_sent_as_text_become_numbers() -> None:
    parsed = otlp_json.read(sample("otlp/claude_code.json"), now=NOW)
    ran = named(parsed, "tool_result")[0]
    assert (ran.tool, ran.tool_use_id, ran.outcome) == ("Bash", "toolu_mock0000", Outcome.OK)
    assert ran.facts["duration_ms"] == 17
    assert ran.facts["success"] is True
    assert ran.occurred_at is not None
    assert ran.occurred_at.isoformat() == "2026-11-21T01:07:47.455000+00:00"
    assert [event.outcome for event in named(parsed, "tool_decision")] == ["allowed", "allowed", "denied"]


def test_cost_is_counted_in_whole_micro_dollars() -> None:
    (request,) = named(otlp_json.read(sample("otlp/claude_code.json"), now=NOW), "api_request")
    assert request.facts["cost_micro_usd"] == 800
    assert "cost_usd" not in str(request.content)
    assert event_of({"cost_usd": {"doubleValue": 0.0000015}}).facts["cost_micro_usd"] == 2


def test_people_and_prompts_never_stay_in_clear() -> None:
    for name in ("claude_code", "codex", "gemini_cli"):
        for event in otlp_json.read(sample(f"otlp/{name}.json"), now=NOW).incoming:
            clear = json.dumps(event.facts)
            for personal in ("jdoe", "force-push", "hello-from-agent", "/home/", "git push"):
                assert personal not in clear.lower(), (name, event.name)
    prompt = named(otlp_json.read(sample("otlp/claude_code.json"), now=NOW), "user_prompt")[0]
    assert prompt.initiator == "jdoe@example.com"
    assert prompt.content["prompt"] == "List the files, write a note, then force-push."


def test_codex_time_comes_from_its_attribute_when_the_record_says_zero() -> None:
    parsed = otlp_json.read(sample("otlp/codex.json"), now=NOW)
    (ran,) = named(parsed, "tool_result")
    assert ran.occurred_at is not None
    assert ran.occurred_at.isoformat() == "2026-11-21T01:11:16.837000+00:00"
    assert (ran.session, ran.tool) == ("01a1fba8-596d-7222-94e6-b4082b3cca45", "exec_command")
    assert "hello-from-agent" in str(ran.content["tool_output"])
    completed = [event for event in named(parsed, "sse_event") if "input_tokens" in event.facts]
    assert [event.facts["input_tokens"] for event in completed] == [120]


def test_a_record_without_event_name_is_rejected_and_the_rest_is_kept() -> None:
    parsed = otlp_json.read(sample("otlp/codex.json"), now=NOW)
    assert {(item.position, item.reason) for item in parsed.rejected} == {
        ("/resourceLogs/0/scopeLogs/0/logRecords/0", "no event.name"),
    }
    assert len(parsed.incoming) == 8


def test_gemini_empty_values_and_free_text_bodies() -> None:
    parsed = otlp_json.read(sample("otlp/gemini_cli.json"), now=NOW)
    ran, blocked = named(parsed, "tool_result")
    assert (ran.outcome, ran.tool, ran.facts["event_name"]) == (
        "ok",
        "run_shell_command",
        "gemini_cli.tool_call",
    )
    assert blocked.outcome in (Outcome.ERROR, Outcome.DENIED)
    assert str(ran.content["body"]).startswith("Tool call: run_shell_command.")
    (mode,) = named(parsed, "plan.approval_mode_duration")
    assert mode.facts["duration_ms"] == 592


def test_cursor_event_ids_are_the_key_whatever_else_changed() -> None:
    first = otlp_json.read(sample("otlp/cursor.json"), now=NOW)
    resent = json.loads(sample("otlp/cursor.json"))
    for item in resent["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        item["observedTimeUnixNano"] = "1795223999000000000"
    again = otlp_json.read(json.dumps(resent).encode(), now=NOW)
    assert [event.key for event in first.incoming] == [event.key for event in again.incoming]
    hook, pull_request = first.incoming
    assert (hook.outcome, hook.facts["duration_ms"], hook.initiator) == ("denied", 13, "user_4711")
    assert pull_request.facts["pull_request_number"] == 42
    assert pull_request.repository == "https://git.example.com/acme/shop.git"
    assert pull_request.branch == "cursor/fix-cart"


@pytest.mark.parametrize("agent", ["claude_code", "codex"])
def test_both_encodings_of_one_request_give_the_same_events(agent: str) -> None:
    wire = sample(f"otlp/{agent}.pb")
    request = MessageToDict(ExportLogsServiceRequest.FromString(wire))
    decoded = ExportLogsServiceRequest.FromString(wire)
    for i, resource in enumerate(request["resourceLogs"]):
        for j, scope in enumerate(resource["scopeLogs"]):
            for k, item in enumerate(scope["logRecords"]):
                original = decoded.resource_logs[i].scope_logs[j].log_records[k]
                item |= {"traceId": original.trace_id.hex(), "spanId": original.span_id.hex()}
    from_protobuf = otlp_protobuf.read(wire, now=NOW)
    assert otlp_json.read(json.dumps(request).encode(), now=NOW) == from_protobuf
    assert len(from_protobuf.incoming) > 10


def test_the_same_body_again_gives_the_same_keys_and_every_record_its_own() -> None:
    for name, reader in (
        ("claude_code.json", otlp_json),
        ("codex.pb", otlp_protobuf),
        ("gemini_cli.json", otlp_json),
    ):
        keys = [event.key for event in reader.read(sample(f"otlp/{name}"), now=NOW).incoming]
        assert keys == [event.key for event in reader.read(sample(f"otlp/{name}"), now=NOW).incoming]
        assert len(set(keys)) == len(keys)


def test_a_resumed_session_that_counts_from_zero_again_loses_nothing() -> None:
    sequence = {"event.sequence": {"intValue": 0}}
    before = event_of(sequence, timeUnixNano="1795223267455000000")
    after = event_of(sequence, timeUnixNano="1795223299000000000")
    assert before.key != after.key


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"intValue": "9223372036854775807"}, "9223372036854775807"),
        ({"intValue": 9007199254740993}, "9007199254740993"),
        ({"doubleValue": 0.5}, "0.5"),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"doubleValue": 3}, "3"),
        ({}, None),
        (None, None),
        ({"arrayValue": {"values": [{"intValue": "1"}, {}]}}, [1, None]),
        ({"arrayValue": {}}, []),
        (
            {"kvlistValue": {"values": [{"key": "__proto__", "value": {"boolValue": True}}]}},
            {"__proto__": True},
        ),
        ({"stringValue": "a\x00b\ud800"}, "a\u2400b\ufffd"),
    ],
)
def test_every_kind_of_value_is_kept_without_floats(value: Any, kept: Any) -> None:
    assert event_of({"unheard.of": value}).content["attributes"] == {"unheard.of": kept}


def test_unknown_names_stay_inside_content() -> None:
    event = event_of({"__proto__": text("x"), "constructor": text("y"), "duration_ms": text("a while")})
    assert set(event.content) == {"attributes"}
    assert event.content["attributes"] == {"__proto__": "x", "constructor": "y", "duration_ms": "a while"}


def test_a_repeated_attribute_is_kept_and_the_first_counts() -> None:
    pairs = [("event.name", "tool_result"), ("tool_name", "Bash"), ("tool_name", "Read")]
    attributes = [{"key": key, "value": text(value)} for key, value in pairs]
    event = only(otlp_json.read(body({"attributes": attributes}), now=NOW))
    assert event.tool == "Bash"
    assert event.content["repeated"] == [{"key": "tool_name", "value": "Read"}]


def test_line_breaks_and_escapes_cannot_pass_as_facts() -> None:
    event = event_of({"tool_name": text("Bash\n2026-11-21 allowed"), "source": text("\x1b[2Jconfig")})
    assert event.tool is None
    assert "source" not in event.facts
    assert set(event.content["attributes"]) == {"tool_name", "source"}  # type: ignore[arg-type]


@pytest.mark.parametrize("nanos", ["1", "253402300799000000000", "99999999999999999999"])
def test_a_time_nobody_can_believe_is_kept_as_a_claim(nanos: str) -> None:
    event = event_of({}, timeUnixNano=nanos)
    assert event.occurred_at is None


def test_too_many_attributes_cost_one_record_only() -> None:
    crowded = record({"event.name": text("x")} | {f"k{n}": text("v") for n in range(100_000)})
    parsed = otlp_json.read(body(crowded, record({"event.name": text("fine")})), now=NOW)
    assert [item.reason for item in parsed.rejected] == ["more than 512 attributes"]
    assert [event.name for event in parsed.incoming] == ["fine"]


def test_too_many_records_are_refused_as_a_body() -> None:
    with pytest.raises(BodyTooLarge):
        otlp_json.read(b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b"{}," * 10_000 + b"{}]}]}]}", now=NOW)
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for _ in range(10_001):
        records.add()
    with pytest.raises(BodyTooLarge):
        otlp_protobuf.read(request.SerializeToString(), now=NOW)


def test_values_nested_deeper_than_the_runtime_allows_are_refused() -> None:
    deep = b""
    for _ in range(200):  # array_value is field 5 of AnyValue, values is field 1 of ArrayValue
        for tag in (b"\x0a", b"\x2a"):
            deep = tag + _varint(len(deep)) + deep
    record_bytes = b"\x2a" + _varint(len(deep)) + deep  # body is field 5 of LogRecord
    for tag in (b"\x12", b"\x12", b"\x0a"):  # log_records, scope_logs, resource_logs
        record_bytes = tag + _varint(len(record_bytes)) + record_bytes
    with pytest.raises(IngestError):
        otlp_protobuf.read(record_bytes, now=NOW)


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _varint(number >> 7)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"a":1,"a":2}',
        b'{"resourceLogs":[NaN]}',
        b'{"resourceLogs":{}}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":["x"]}]}]}',
        b"[" * 100_000,
        b'{"resourceLogs":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
)
def test_bodies_that_are_no_export_are_refused(data: bytes) -> None:
    with pytest.raises(IngestError):
        otlp_json.read(data, now=NOW)


def test_an_export_without_records_is_empty_not_wrong() -> None:
    assert otlp_json.read(b"{}", now=NOW) == Parsed([], [])
    assert otlp_protobuf.read(b"", now=NOW) == Parsed([], [])
