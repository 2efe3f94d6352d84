"""Whatever bytes arrive, an adapter answers with events, refusals or the one error it declares."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from portal.ledger.rules.canonical import canonicalize
from reports.ingest import claude_hooks, claude_sessions, gemini_sessions, otlp_json, otlp_protobuf, plain
from reports.ingest.checkpoints import read_checkpoint
from reports.ingest.compressed import gunzip_bounded
from reports.ingest.incoming import Incoming, IngestError, Rejected
from reports.ingest.values import body_hash
from tests.reports.ingest.samples import NOW, sample

_WORDS = """
resourceLogs scopeLogs logRecords resource scope attributes key value stringValue intValue doubleValue
boolValue arrayValue kvlistValue values bytesValue body timeUnixNano observedTimeUnixNano eventName
traceId spanId name event.name event.timestamp event.sequence session.id tool_name call_id cursor.event.id
cost_usd duration_ms hook_event_name session_id sessionId timestamp tool_use_id tool_response error reason
effort mcp_server level schema source events at facts content outcome type uuid message id role text
tool_use tool_result usage is_error toolUseResult user assistant messages $set toolCalls functionResponse
tokens projectHash 1 ci
"""
WORDS = _WORDS.split()

texts = st.sampled_from(WORDS) | st.text(max_size=12) | st.just("2026-11-21T10:00:00Z") | st.just("\ud800\x00")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)
objects = st.dictionaries(texts, values, max_size=6)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def check(read: Callable[[bytes], Any], data: bytes) -> None:
    try:
        parsed = read(data)
    except IngestError:
        return
    for event in parsed.incoming:
        assert isinstance(event, Incoming)
        assert event.key
        assert event.name
        canonicalize(event.facts)
        canonicalize(event.content)
        assert len(body_hash(event)) == 32
    for item in parsed.rejected:
        assert isinstance(item, Rejected)
        assert item.position
        assert item.reason.isprintable()


READERS: list[Callable[[bytes], Any]] = [
    lambda data: otlp_json.read(data, now=NOW),
    lambda data: otlp_protobuf.read(data, now=NOW),
    lambda data: claude_hooks.read(data, now=NOW),
    lambda data: plain.read_json(data, now=NOW),
    lambda data: plain.read_ndjson(data, now=NOW),
    lambda data: claude_sessions.read(data, now=NOW),
    lambda data: gemini_sessions.read(data, now=NOW),
    lambda data: read_checkpoint({"full.jsonl": data, "metadata.json": data}, now=NOW),
]


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    for read in READERS:
        check(read, data)
    with suppress(IngestError):
        assert len(gunzip_bounded(data, 100)) <= 100


@given(values)
def test_random_json(value: Any) -> None:
    for read in READERS:
        check(read, as_json(value))


@given(st.lists(objects, max_size=4))
def test_random_lines(items: list[dict[str, Any]]) -> None:
    data = b"\n".join(as_json(item) for item in items)
    for read in (READERS[4], READERS[5], READERS[6], READERS[7]):
        check(read, data)
    transcript = claude_sessions.read(data, now=NOW)
    assert transcript.lines == len(items)


@given(st.lists(st.dictionaries(texts, values, max_size=6), max_size=3), values)
def test_random_log_records(records: list[dict[str, Any]], resource: Any) -> None:
    for record in records:
        record["attributes"] = [{"key": key, "value": item} for key, item in record.items()]
    scopes = [{"logRecords": records, "scope": {"name": "s"}}]
    check(READERS[0], as_json({"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}))


@given(st.dictionaries(texts, st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8) | st.binary()))
def test_random_protobuf_attributes(attributes: dict[str, Any]) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    for key, value in ({"event.name": "x"} | attributes).items():
        pair = record.attributes.add(key=key.replace("\ud800", ""))
        field = {int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}[type(value)]
        setattr(pair.value, field, value)
    check(READERS[1], request.SerializeToString())


@settings(max_examples=50)
@given(
    st.fixed_dictionaries({"key": texts, "name": texts, "at": texts}, optional={"facts": objects, "content": objects})
)
def test_random_events_of_our_own(event: dict[str, Any]) -> None:
    check(READERS[3], as_json({"schema": "1", "source": "ci", "events": [event]}))


@given(objects, st.sampled_from(["user", "assistant", "system"]), st.lists(objects, max_size=3))
def test_random_transcript_messages(extra: dict[str, Any], kind: str, blocks: list[dict[str, Any]]) -> None:
    line = extra | {"type": kind, "message": {"id": "m", "content": blocks, "usage": extra}}
    check(READERS[5], as_json(line))
    message = {"id": "m", "type": "gemini", "content": blocks, "toolCalls": blocks, "tokens": extra}
    check(READERS[6], as_json(extra | message))


@given(st.data())
def test_damaged_real_bodies(data: st.DataObject) -> None:
    """Cut, flipped and doubled pieces of recorded bodies reach further than random ones."""
    name, readers = data.draw(
        st.sampled_from(
            [
                ("otlp/claude_code.pb", READERS[1:2]),
                ("otlp/codex.json", READERS[0:1]),
                ("otlp/cursor.json", READERS[0:1]),
                ("hooks/copilot.jsonl", READERS[2:3]),
                ("sessions/claude_code.jsonl", READERS[5:]),
                ("sessions/gemini_document.json", READERS[5:]),
                ("sessions/gemini_cli.jsonl", READERS[5:]),
            ]
        )
    )
    body = sample(name)
    at = data.draw(st.integers(0, len(body)))
    width = data.draw(st.integers(0, 40))
    damaged = body[:at] + data.draw(st.binary(max_size=8)) + body[at + width :]
    for read in readers:
        check(read, damaged)
