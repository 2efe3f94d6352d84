"""The endpoints that agents report to: accounting, replay, refusals, hostile bodies; never a 500."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, OperationalError, connection, transaction

from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now, disclose
from registry.models import Agent, Credential
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from reports.models import Run, SeenEvent, SourceCount
from tests.organisation import Organisation, active_agent, credential_for, draft_agent
from tests.reports.ingest.samples import sample
from tests.reports.reporting import Reporter, answer, body, event

pytestmark = pytest.mark.django_db(transaction=True)
RECORDED = "reports.event.recorded"


@pytest.fixture
def reporter(organisation: Organisation, agent: Agent) -> Reporter:
    return Reporter(credential_for(organisation, agent))


def entries() -> list[Entry]:
    return list(Entry.objects.filter(type=RECORDED).order_by("id"))


def counts(source: str) -> tuple[int, int, int, int]:
    row = SourceCount.objects.get(source=source)
    return row.received, row.recorded, row.duplicate, row.rejected


def test_an_event_is_recorded_with_its_content_committed_and_a_receipt(reporter: Reporter, agent: Agent) -> None:
    sent = event(
        tool="Bash",
        outcome="ok",
        model="claude-x",
        initiator="ada@example.test",
        facts={"duration_ms": 12},
        content={"command": "rm -rf /", "initiator": "not the portal's"},
    )
    said = answer(reporter.send(body(sent)))
    assert {name: said[name] for name in ("received", "recorded", "duplicate", "rejected", "entries")} == {
        "received": 1, "recorded": 1, "duplicate": 0, "rejected": [], "entries": 1,
    }  # fmt: skip
    (entry,) = entries()
    assert len(said["receipt"]) == 64
    assert entry.body["data"]["facts"] == {"duration_ms": 12}
    assert set(entry.body["commitments"]) == {"actor_label", "initiator", "content.command", "content.initiator"}
    assert b"rm -rf" not in bytes(entry.bytes)
    assert disclose(entry)["content.command"] == "rm -rf /"
    run = Run.objects.get()
    assert entry.run_id == run.pk
    assert (run.agent_id, run.session_id, run.events, run.initiator, run.model) == (
        agent.pk, "s-1", 1, "ada@example.test", "claude-x",
    )  # fmt: skip
    agent.refresh_from_db()
    assert agent.last_seen_at is not None
    assert Credential.objects.get(agent=agent).last_used_at is not None


def test_a_replayed_batch_changes_nothing(reporter: Reporter) -> None:
    sent = body(event("a"), event("b"))
    assert answer(reporter.send(sent))["recorded"] == 2
    again = answer(reporter.send(sent))
    assert (again["recorded"], again["duplicate"], again["receipt"]) == (0, 2, None)
    assert len(entries()) == SeenEvent.objects.count() == 2
    assert Run.objects.get().events == 2
    assert counts("api:ci") == (4, 2, 2, 0)


def test_a_used_key_with_another_body_is_refused_by_its_place(reporter: Reporter) -> None:
    reporter.send(body(event("a")))
    said = answer(reporter.send(body(event("new"), event("a", tool="Bash"), event("new", tool="Read"))))
    assert said["recorded"] == 1
    assert said["rejected"] == [
        {"position": "/events/2", "reason": "key was used for another event"},
        {"position": "/events/1", "reason": "key was used for another event"},
    ]
    assert counts("api:ci") == (4, 2, 0, 2)


def test_one_bad_item_never_loses_a_good_one(reporter: Reporter) -> None:
    said = answer(reporter.send(body(event("a"), {"key": "b"}, event("c", at="1970-01-01T00:00:00Z"), event("d"))))
    assert (said["received"], said["recorded"]) == (4, 2)
    assert [item["position"] for item in said["rejected"]] == ["/events/1", "/events/2/at"]


def test_the_same_key_from_another_source_is_another_event(reporter: Reporter) -> None:
    reporter.send(body(event("a"), source="ci"))
    assert answer(reporter.send(body(event("a"), source="laptop")))["recorded"] == 1


def test_a_source_cannot_take_the_portals_own_names(reporter: Reporter) -> None:
    reporter.send(body(event("a"), source="import"))
    assert entries()[0].source == "api:import"


def test_an_event_without_a_session_belongs_to_no_run(reporter: Reporter) -> None:
    assert answer(reporter.send(body(event("a", session=""))))["recorded"] == 1
    assert entries()[0].run_id is None
    assert not Run.objects.exists()


def test_ndjson_is_accepted_by_line(reporter: Reporter) -> None:
    lines = [{"schema": "1", "source": "ci"}, event("a"), event("b")]
    data = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n{broken\n"
    said = answer(reporter.send(data, kind="application/x-ndjson"))
    assert said["recorded"] == 2
    assert said["rejected"][0]["position"].startswith("line 4")


def test_gzip_is_unpacked_within_a_limit(reporter: Reporter) -> None:
    data = json.dumps(body(event("a"))).encode()
    assert answer(reporter.send_gzip(data))["recorded"] == 1
    assert reporter.send_gzip(b" " * 200_000_000).status_code == 413
    cut = gzip.compress(data)[:-9]
    response = reporter.client.post(
        "/api/v1/events", cut, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert response.status_code == 400


DEEP = b'{"schema":"1","source":"ci","events":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
HOSTILE = {
    "not json": (b"{", 400),
    "blank": (b" ", 400),
    "a list": (b"[]", 400),
    "duplicate keys": (b'{"schema":"1","schema":"1","source":"ci","events":[]}', 400),
    "nan": (b'{"schema":"1","source":"ci","events":[NaN]}', 400),
    "infinite": (b'{"schema":"1","source":"ci","events":[1e400]}', 200),
    "nul": (b'{"schema":"1","source":"ci","events":["\\u0000"]}', 400),
    "lone surrogate": (b'{"schema":"1","source":"ci","events":["\\ud800"]}', 400),
    "not utf-8": (b'{"schema":"1","source":"ci","events":["\xff"]}', 400),
    "deep": (DEEP, 400),
    "unknown version": (b'{"schema":"99","source":"ci","events":[]}', 400),
    "no version": (b'{"source":"ci","events":[]}', 400),
    "forged agent": (b'{"schema":"1","source":"ci","agent":"other","events":[]}', 400),
    "2^63": (b'{"schema":"1","source":"ci","events":[9223372036854775808]}', 400),
    "many elements": (b'{"schema":"1","source":"ci","events":[' + b"0," * 1_000_000 + b"0]}", 413),
    "prototype": (b'{"__proto__":{},"schema":"1","source":"ci","events":[]}', 400),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_and_nothing_is_recorded(reporter: Reporter, name: str) -> None:
    data, status = HOSTILE[name]
    response = reporter.send(data)
    assert response.status_code in {status, 400}, response.content[:300]
    if response.status_code != 200:
        assert response["Content-Type"] == "application/problem+json"
    assert entries() == []


@pytest.mark.parametrize("path", ["/api/v1/events", "/v1/logs", "/ingest/hooks/claude"])
@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "many elements"])
def test_no_endpoint_answers_500(reporter: Reporter, path: str, name: str) -> None:
    for kind in ("application/json", "application/x-protobuf"):
        response = reporter.send(HOSTILE[name][0], path=path, kind=kind)
        assert response.status_code < 500


BAD_TIMES = ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "2026-11-20", "x"]


@pytest.mark.parametrize("at", BAD_TIMES)
def test_unbelievable_times_are_refused_by_place(reporter: Reporter, at: str) -> None:
    said = answer(reporter.send(body(event("a", at=at))))
    assert said["rejected"][0]["position"] == "/events/0/at"


def test_newlines_and_escapes_cannot_forge_lines_of_a_log(reporter: Reporter) -> None:
    said = answer(reporter.send(body(event("a", tool="x\nFAKE \x1b[31m"))))
    assert said["recorded"] == 0
    assert "\n" not in said["rejected"][0]["reason"]


def test_a_large_body_is_refused_unread(reporter: Reporter) -> None:
    class Unread:
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    size = 50 * 1024 * 1024
    unread: dict[str, Any] = {
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(size),
        "wsgi.input": Unread(),
    }
    response = reporter.client.generic("POST", "/api/v1/events", b"", **unread)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("kind", "encoding", "status"),
    [("text/plain", "identity", 415), ("application/json", "br", 415), ("application/json; charset=latin-1", "", 415)],
)
def test_other_types_and_encodings_are_refused(reporter: Reporter, kind: str, encoding: str, status: int) -> None:
    for path in ("/api/v1/events", "/v1/logs", "/ingest/hooks/claude"):
        headers = {"Content-Encoding": encoding}
        response = reporter.client.post(path, b"{}", content_type=kind, headers=headers)
        assert response.status_code == status


@pytest.mark.parametrize("path", ["/api/v1/events", "/v1/logs", "/ingest/hooks/claude"])
def test_who_may_report(organisation: Organisation, agent: Agent, path: str) -> None:
    token = credential_for(organisation, agent)
    retired = active_agent(organisation, "Retired One")
    retired_token = credential_for(organisation, retired)
    Agent.objects.filter(pk=retired.pk).update(state="retired")
    assert Reporter("").send(body(), path=path).status_code == 401
    assert Reporter("bwa_nonsense").send(body(), path=path).status_code == 401
    assert Reporter(token[:-1] + ("0" if token[-1] != "0" else "1")).send(body(), path=path).status_code == 401
    assert Reporter(retired_token).send(body(), path=path).status_code == 403
    Credential.objects.filter(agent=agent).update(expires_at=database_now() - timedelta(seconds=1))
    assert Reporter(token).send(body(), path=path).status_code == 401
    Credential.objects.filter(agent=agent).update(
        expires_at=database_now() + timedelta(days=1), revoked_at=database_now()
    )
    assert Reporter(token).send(body(), path=path).status_code == 401
    assert entries() == []


def test_a_draft_may_not_report(organisation: Organisation, agent: Agent) -> None:
    draft = draft_agent(organisation, "Draft One")
    token = credential_for(organisation, agent)
    Credential.objects.filter(agent=agent).update(agent=draft)
    assert Reporter(token).send(body(event())).status_code == 403


def test_events_go_to_the_tokens_agent_whatever_the_body_says(organisation: Organisation, agent: Agent) -> None:
    other = active_agent(organisation, "Other One")
    Reporter(credential_for(organisation, other)).send(body(event("a", facts={"agent": str(agent.pk)})))
    assert [entry.agent_id for entry in entries()] == [other.pk]


def test_what_a_stopped_agent_reports_is_recorded_and_says_so(
    organisation: Organisation, agent: Agent, reporter: Reporter
) -> None:
    reporter.send(body(event("before")))
    order_kill(actor=organisation.security, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It went astray.")
    assert answer(reporter.send(body(event("after"))))["recorded"] == 1
    assert [entry.body["data"]["after_kill"] for entry in entries()] == [False, True]


def test_only_post(reporter: Reporter) -> None:
    for path in ("/api/v1/events", "/v1/logs", "/ingest/hooks/claude"):
        response = reporter.client.get(path)
        assert (response.status_code, response["Allow"]) == (405, "POST")


def test_a_database_that_cannot_record_is_said_and_retried(reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("reports.api.ingest.record", fail)
    response = reporter.send(body(event()))
    assert (response.status_code, response["Retry-After"]) == (503, "5")


# -- hooks -----------------------------------------------------------------------------------------------


def test_recorded_hooks_are_recorded_once_each(reporter: Reporter) -> None:
    lines = [line for line in sample("hooks/claude_code.jsonl").splitlines() if line]
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False):
        for _ in range(2):
            for line in lines:
                response = reporter.send(line, path="/ingest/hooks/claude")
                assert (response.status_code, response.content) == (200, b"{}")
    received, recorded, duplicate, rejected = counts("hooks")
    assert (received, rejected) == (2 * len(lines), 0)
    assert recorded == len(entries())
    assert duplicate >= len(lines)


# -- OpenTelemetry ------------------------------------------------------------------------------------------

LOGS = ["claude_code.json", "claude_code.pb", "codex.json", "codex.pb", "cursor.json", "gemini_cli.json"]


@pytest.mark.parametrize("name", LOGS)
def test_recorded_exports_are_recorded_once_in_either_compression(reporter: Reporter, name: str) -> None:
    kind = "application/json" if name.endswith("json") else "application/x-protobuf"
    data = sample(f"otlp/{name}")
    first = reporter.send(data, path="/v1/logs", kind=kind)
    assert first.status_code == 200
    assert first["Content-Type"] == kind
    recorded = len(entries())
    assert recorded > 0
    assert reporter.send_gzip(data, path="/v1/logs", kind=kind).status_code == 200
    assert len(entries()) == recorded
    row = SourceCount.objects.get(source="otlp")
    assert row.received == row.recorded + row.duplicate + row.rejected
    assert row.recorded == recorded
    assert sum(Run.objects.values_list("events", flat=True)) == len([e for e in entries() if e.run_id])


def test_sequence_numbers_become_counters(reporter: Reporter) -> None:
    reporter.send(sample("otlp/claude_code.json"), path="/v1/logs")
    assert any(entry.source_counter is not None for entry in entries())


def test_a_partial_success_names_what_was_refused(reporter: Reporter) -> None:
    good = {"attributes": [{"key": "event.name", "value": {"stringValue": "x"}}]}
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}, good]}]}]}
    said = answer(reporter.send(export, path="/v1/logs"))
    assert said["partialSuccess"]["rejectedLogRecords"] == "1"
    assert "/logRecords/0" in said["partialSuccess"]["errorMessage"]
    assert len(entries()) == 1


def test_refusals_of_protobuf_are_status_messages(reporter: Reporter) -> None:
    response = reporter.send(b"\xff" * 9, path="/v1/logs", kind="application/x-protobuf")
    assert (response.status_code, response["Content-Type"]) == (400, "application/x-protobuf")
    assert response.content[0] == 0x12
    assert b"not an OTLP logs request" in response.content
    empty = Reporter("").send(b"", path="/v1/logs", kind="application/x-protobuf")
    assert empty.status_code == 401


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_other_signals_are_not_accepted_in_silence(reporter: Reporter, signal: str) -> None:
    response = reporter.send({}, path=f"/v1/{signal}")
    assert response.status_code == 404
    assert "Only logs" in answer(response)["detail"]


def test_the_counts_of_a_source_cannot_lie(agent: Agent) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reports_sourcecount (agent_id, source, received, recorded, duplicate, rejected, last_at)"
            " VALUES (%s, 'x', 2, 1, 0, 0, now())",
            [agent.pk],
        )


def test_a_body_of_several_megabytes_is_one_batch(reporter: Reporter) -> None:
    sent = body(*(event(f"k{number}", content={"output": "x" * 3_000}) for number in range(1_000)))
    assert answer(reporter.send(sent))["recorded"] == 1_000
    over = answer(reporter.send(body(*(event(f"o{number}") for number in range(1_001)))))
    assert over["status"] == 413
