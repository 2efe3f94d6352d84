"""The task type is on every check and event, and on the run; what was recorded before there were any still reads."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from approvals.services.check import Call, decide
from portal.ledger.models import Entry
from registry.models import Agent
from reports.ingest.incoming import Incoming
from reports.ingest.values import body_hash
from reports.jobs.project_runs import CHECK, project
from reports.models import Run
from reports.rules.story import Told, tell
from tests.organisation import Organisation, credential_for
from tests.reports.reporting import Reporter, body, event

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
OLD_CHECK: dict[str, Any] = {
    "tool": "Bash", "outcome": "allow", "tier": "free", "actions": ["read"], "rules": ["tier.read"], "request": None,
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_task_reaches_events_checks_and_the_run(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    sent = Reporter(token).send(body(event(session="s-1", task="tidy up"), event("e2", session="s-1")))
    assert sent.status_code == 200
    recorded = Entry.objects.filter(type="reports.event.recorded").order_by("id")
    assert [entry.body["data"]["task"] for entry in recorded] == ["tidy up", None]
    assert Run.objects.get().task == "tidy up"
    decide(
        token=token,
        call=Call(tool="Bash", tool_input={"command": "ls"}, session_id="s-1", cwd="/work", task="release"),
    )
    project(list(Entry.objects.filter(type=CHECK)))
    assert Run.objects.get().task == "release"


@pytest.mark.django_db(transaction=True)
def test_a_hook_names_the_task_in_a_header(organisation: Organisation, agent: Agent) -> None:
    reporter = Reporter(credential_for(organisation, agent))
    hook = {"hook_event_name": "PostToolUse", "session_id": "s-1", "tool_name": "Bash", "tool_use_id": "t1"}
    for number, (stated, kept) in enumerate(
        [("prüfen", "prüfen"), ("$TASK", None), ("t" * 201, None), ("a\x7fb", None)]
    ):
        header = {"Bailiwick-Task": stated.encode().decode("latin-1")}
        answer = reporter.client.post(
            "/ingest/hooks/claude",
            {**hook, "tool_use_id": f"t{number}"},
            content_type="application/json",
            headers=header,
        )
        assert answer.status_code == 200
        assert Entry.objects.filter(type="reports.event.recorded").latest("id").body["data"]["task"] == kept


def test_an_event_reported_before_there_were_tasks_is_the_same_event() -> None:
    """The hash of what an event says did not change for those that name no task."""
    plain = Incoming(key="k", session="s", name="tool_result")
    assert body_hash(plain).hex() == "f33e969cd83dc03226811f39deedc9d6b2564620187b990e9a7b5d0760215e94"
    assert body_hash(Incoming(key="k", session="s", name="tool_result", task="t")) != body_hash(plain)


def test_an_entry_of_version_1_is_told() -> None:
    def told(data: dict[str, Any]) -> Told:
        return Told(id=UUID(int=1), type=CHECK, at=NOW, recorded_at=NOW, source="check", data=data, personal={})

    (old,) = tell([told(OLD_CHECK)], before=None, missing={})
    assert (old.task, old.observed, old.stranger) == ("", (), False)
    newer = {"task": "fix", "observed": ["limits.files"], "rules": ["composition.other"], "outcome": "review"}
    (new,) = tell([told({**OLD_CHECK, **newer})], before=None, missing={})
    assert (new.task, new.observed, new.stranger) == ("fix", ("limits.files",), True)
