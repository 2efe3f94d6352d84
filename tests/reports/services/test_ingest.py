"""Recording events under concurrency, and runs kept abreast of the checks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from approvals.services.check import Call, decide
from portal.ledger.models import Entry, SubjectKey
from portal.ledger.services.follow import follow
from portal.ledger.services.seal import seal
from portal.ledger.signing import load_signer
from registry.models import Agent, Credential
from registry.rules.runs import run_id
from reports.ingest.incoming import Incoming, Parsed, Rejected
from reports.jobs.project_runs import CHECK, project
from reports.models import Run, SeenEvent, SourceCount
from reports.services.ingest import OTLP, Fate, Receipt, Sender, record
from tests.organisation import Organisation, credential_for

pytestmark = pytest.mark.django_db(transaction=True)
THEN = datetime(2026, 11, 20, 10, tzinfo=UTC)


def events(count: int, sessions: int = 1, **fields: Any) -> list[Incoming]:
    return [
        Incoming(
            key=f"k{number}",
            session=f"s{number % sessions}",
            name="tool_use",
            occurred_at=THEN + timedelta(seconds=number),
            content={"text": "…"},
            **fields,
        )
        for number in range(count)
    ]


def sender(agent: Agent) -> Sender:
    return Sender(agent.pk, agent.name)


def together(*bodies: Parsed, agent: Agent) -> list[Receipt]:
    """The bodies recorded at the same moment, each over a connection of its own."""
    gate = threading.Barrier(len(bodies))

    def send(body: Parsed) -> Receipt:
        try:
            gate.wait()
            return record(sender=sender(agent), source=OTLP, parsed=body)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, bodies))


def test_identical_batches_at_once_record_each_event_once(agent: Agent) -> None:
    body = Parsed(events(200, sessions=5), [])
    receipts = together(body, body, body, body, agent=agent)
    assert sum(receipt.recorded for receipt in receipts) == 200
    assert sum(receipt.duplicate for receipt in receipts) == 600
    assert Entry.objects.filter(type="reports.event.recorded").count() == SeenEvent.objects.count() == 200
    assert sum(Run.objects.values_list("events", flat=True)) == 200
    row = SourceCount.objects.get()
    assert (row.received, row.recorded, row.duplicate, row.rejected) == (800, 200, 600, 0)


def test_batches_that_meet_in_opposite_order_do_not_lock_each_other_out(agent: Agent) -> None:
    first = events(120, sessions=40)
    receipts = together(Parsed(first, []), Parsed(first[::-1], []), Parsed(first[60:] + first[:60], []), agent=agent)
    assert sum(receipt.recorded for receipt in receipts) == 120


def test_a_seen_key_names_its_entry(agent: Agent) -> None:
    record(sender=sender(agent), source=OTLP, parsed=Parsed(events(3), []))
    found = {seen.entry_id: seen.key for seen in SeenEvent.objects.all()}
    told = {entry.id: entry.body["data"]["key"] for entry in Entry.objects.filter(type="reports.event.recorded")}
    assert found == told


def test_entries_keep_the_order_of_the_body(agent: Agent) -> None:
    record(sender=sender(agent), source=OTLP, parsed=Parsed(events(50)[::-1], []))
    entries = Entry.objects.filter(type="reports.event.recorded").order_by("id")
    assert [entry.body["data"]["key"] for entry in entries] == [f"k{number}" for number in reversed(range(50))]


def test_a_batch_of_one_run_makes_one_key(agent: Agent) -> None:
    record(sender=sender(agent), source=OTLP, parsed=Parsed(events(50), []))
    run = run_id(agent.pk, "s0")
    assert SubjectKey.objects.filter(subject=f"run:{run}").count() == 1


def test_every_item_has_a_fate(agent: Agent) -> None:
    again = events(2)
    other = Incoming(key="k0", session="s0", name="another")
    receipt = record(sender=sender(agent), source=OTLP, parsed=Parsed([*again, again[1], other], [Rejected("/9", "x")]))
    assert receipt.fates == [Fate.RECORDED, Fate.RECORDED, Fate.DUPLICATE, Fate.REJECTED]
    assert receipt.received == receipt.recorded + receipt.duplicate + len(receipt.rejected) == 5


def test_a_body_with_nothing_in_it_is_counted_as_nothing(agent: Agent) -> None:
    receipt = record(sender=sender(agent), source=OTLP, parsed=Parsed([], []))
    assert (receipt.received, receipt.receipt) == (0, None)


def test_a_run_widens_and_keeps_what_it_was_told(agent: Agent) -> None:
    record(
        sender=sender(agent), source=OTLP, parsed=Parsed(events(3, model="m1", initiator="ada", branch="x" * 255), [])
    )
    later = Incoming(key="l", session="s0", name="x", occurred_at=THEN - timedelta(days=1), model="m2", initiator="bob")
    record(sender=sender(agent), source=OTLP, parsed=Parsed([later], []))
    run = Run.objects.get()
    assert (run.started_at, run.last_event_at) == (THEN - timedelta(days=1), THEN + timedelta(seconds=2))
    assert (run.events, run.model, run.initiator, len(run.branch)) == (4, "m2", "ada", 250)


def test_checks_reach_their_run_once(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    here: dict[str, Any] = {
        "cwd": "/srv/payments",
        "repository": "acme/payments",
        "branch": "agent/x",
        "session_id": "s-9",
    }
    for tool, tool_input in (("Read", {"file_path": "/srv/payments/a.py"}), ("Bash", {"command": "git push --force"})):
        decide(token=token, call=Call(tool=tool, tool_input=tool_input, initiator="ada@example.test", **here))
    decide(token=token, call=Call(tool="Bash", tool_input={"command": "cat ~/.ssh/id_rsa"}, **here))
    seal(signer=load_signer("log"))
    while follow("runs", types={CHECK}, handle=project):
        continue
    assert follow("runs", types={CHECK}, handle=project) == 0
    run = Run.objects.get(pk=run_id(agent.pk, "s-9"))
    decided = Entry.objects.filter(type=CHECK, run_id=run.pk)
    assert run.allowed + run.gated + run.denied == decided.count() == 3
    outcomes = [entry.body["data"]["outcome"] for entry in decided]
    assert (run.allowed, run.gated, run.denied) == tuple(outcomes.count(name) for name in ("allow", "review", "deny"))
    assert (run.session_id, run.repository, run.initiator) == ("s-9", "acme/payments", "ada@example.test")
    agent.refresh_from_db()
    assert agent.last_seen_at is not None
    assert Credential.objects.get(agent=agent).last_used_at is not None


def test_checks_and_events_meet_in_one_run(organisation: Organisation, agent: Agent) -> None:
    decide(
        token=credential_for(organisation, agent),
        call=Call(tool="Read", tool_input={"file_path": "a"}, cwd="/srv", session_id="s0"),
    )
    record(sender=sender(agent), source=OTLP, parsed=Parsed(events(2), []))
    seal(signer=load_signer("log"))
    while follow("runs", types={CHECK}, handle=project):
        continue
    run = Run.objects.get()
    assert (run.events, run.allowed + run.denied + run.gated) == (2, 1)
