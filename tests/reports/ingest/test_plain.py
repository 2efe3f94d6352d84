"""Our own event format: per-event acceptance, and whole bodies that are refused."""

import json
from typing import Any

import pytest

from reports.ingest import plain
from reports.ingest.incoming import BodyTooLarge, IngestError, Outcome
from tests.reports.ingest.samples import NOW

GOOD: dict[str, Any] = {"key": "k1", "name": "deploy.finished", "at": "2026-11-21T10:00:00Z"}


def body(*events: Any, **header: Any) -> bytes:
    return json.dumps({"schema": "1", "source": "ci", "events": list(events)} | header).encode()


def reason(event: Any) -> tuple[str, str]:
    batch = plain.read_json(body(GOOD, event, GOOD | {"key": "k3"}), now=NOW)
    assert [kept.key for kept in batch.incoming] == ["k1", "k3"], "a bad event took a good one with it"
    (refused,) = batch.rejected
    return refused.position, refused.reason


def test_a_full_event() -> None:
    event = GOOD | {
        "session": "run-7",
        "tool": "Bash",
        "outcome": "denied",
        "initiator": "ada@example.com",
        "branch": "main",
        "facts": {"duration_ms": 12, "ok": False, "ratio": 0.25, "none": None},
        "content": {"prompt": "Müller's basket", "nested": {"list": [1.5]}},
    }
    batch = plain.read_json(body(event), now=NOW)
    assert (batch.source, batch.rejected) == ("ci", [])
    (kept,) = batch.incoming
    assert (kept.key, kept.session, kept.outcome) == ("k1", "run-7", Outcome.DENIED)
    assert kept.facts == {"duration_ms": 12, "ok": False, "ratio": "0.25", "none": None}
    assert kept.content == {"prompt": "Müller's basket", "nested": {"list": ["1.5"]}}


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ({"key": ""}, "/events/1/key"),
        ({"key": "x" * 201}, "/events/1/key"),
        ({"key": 7}, "/events/1/key"),
        ({"key": "a\nb"}, "/events/1/key"),
        ({"name": "two words"}, "/events/1/name"),
        ({"tool": "Bash\u202e"}, "/events/1/tool"),
        ({"session": "a\x1b[2J"}, "/events/1/session"),
        ({"outcome": "fine"}, "/events/1/outcome"),
        ({"facts": {"who": "ada@example.com"}}, "/events/1/facts/who"),
        ({"facts": {"__proto__": 1}}, "/events/1/facts"),
        ({"facts": {"list": []}}, "/events/1/facts"),
        ({"facts": {f"f{n}": 1 for n in range(65)}}, "/events/1/facts"),
        ({"content": {"Bad Name": 1}}, "/events/1/content"),
        ({"content": {f"c{n}": 1 for n in range(33)}}, "/events/1/content"),
        ({"at": "2026-11-21"}, "/events/1/at"),
        ({"at": "2026-11-21T10:00:00"}, "/events/1/at"),
        ({"at": "2026-W47-6T10:00:00Z"}, "/events/1/at"),
        ({"surprise": 1}, "/events/1"),
    ],
)
def test_a_broken_rule_costs_one_event_and_says_where(change: dict[str, Any], position: str) -> None:
    at, why = reason(GOOD | {"key": "k2"} | change)
    assert at.startswith(position), (at, why)
    assert why


@pytest.mark.parametrize("event", [None, 7, "text", [], {}, {"key": "k"}])
def test_what_is_no_event_is_refused_alone(event: Any) -> None:
    assert reason(event)[0].startswith("/events/1")


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        ("1970-01-01T00:00:00Z", False),
        ("2014-12-31T23:59:59.999999Z", False),
        ("2015-01-01T00:00:00Z", True),
        ("2015-01-01T00:30:00+01:00", False),
        ("2026-11-23T12:00:00Z", True),
        ("2026-11-23T12:00:00.000001Z", False),
        ("2026-11-23T02:00:00-11:00", False),
        ("9999-12-31T23:59:59Z", False),
        ("0001-01-01T00:00:00+14:00", False),
        ("2016-12-31T23:59:60Z", True),
        ("2026-11-21T10:00:00.123456789Z", True),
    ],
)
def test_times_outside_2015_to_tomorrow_are_refused(at: str, accepted: bool) -> None:
    batch = plain.read_json(body(GOOD | {"at": at}), now=NOW)
    assert (len(batch.incoming), len(batch.rejected)) == ((1, 0) if accepted else (0, 1))


@pytest.mark.parametrize("version", ["2", "1.0", 1, None, ["1"]])
def test_another_schema_version_refuses_the_whole_body_and_names_ours(version: Any) -> None:
    for data, read in (
        (body(GOOD, schema=version), plain.read_json),
        (json.dumps({"schema": version, "source": "ci"}).encode(), plain.read_ndjson),
    ):
        with pytest.raises(IngestError, match='supported: "1"') as refused:
            read(data, now=NOW)
        assert refused.value.position.endswith("/schema")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"schema":"1","source":"ci"}',
        b'{"schema":"1","source":"CI!","events":[]}',
        b'{"schema":"1","source":"ci","events":[],"agent":"someone-else"}',
        b'{"schema":"1","source":"ci","source":"cd","events":[]}',
        b'{"schema":"1","source":"ci","events":[{"key":"a\\u0000"}]}',
        b'{"schema":"1","source":"ci","events":[NaN]}',
        b'{"schema":"1","source":"ci","events":[{"facts":{"n":9007199254740992}}]}',
        b"\xef\xbb\xbf{}",
        b"[" * 10_000,
    ],
)
def test_bodies_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(IngestError):
        plain.read_json(data, now=NOW)


def test_more_events_than_allowed_are_refused_before_any_is_read() -> None:
    with pytest.raises(BodyTooLarge):
        plain.read_json(body(*[None] * 1001), now=NOW)
    lines = b'{"schema":"1","source":"ci"}\n' + b"{\n" * 1001
    with pytest.raises(BodyTooLarge):
        plain.read_ndjson(lines, now=NOW)


def test_ndjson_keeps_the_lines_that_are_good() -> None:
    lines = [
        json.dumps({"schema": "1", "source": "ci"}),
        json.dumps(GOOD),
        '{"key": "cut',
        "",
        json.dumps(GOOD | {"key": "a\x00"}),
        json.dumps(GOOD | {"key": "k5", "facts": {"a": "two words"}}),
        json.dumps(GOOD | {"key": "k6"}),
    ]
    batch = plain.read_ndjson("\r\n".join(lines).encode(), now=NOW)
    assert [event.key for event in batch.incoming] == ["k1", "k6"]
    assert [item.position for item in batch.rejected] == ["line 3", "line 5", "line 6"]
    assert "/facts/a" in batch.rejected[2].reason
