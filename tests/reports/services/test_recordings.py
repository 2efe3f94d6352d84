"""Importing recorded sessions: accounted line by line, and twice is once."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portal.ledger.models import Entry
from registry.models import Agent
from reports.ingest.checkpoints import METADATA, TRANSCRIPT
from reports.models import Run, SourceCount
from reports.services.ingest import Sender
from reports.services.recordings import files_of, import_session, transcripts
from tests.reports.ingest.samples import DATA, NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    for number, name in enumerate(("claude_code.jsonl", "gemini_cli.jsonl", "gemini_document.json")):
        place = tmp_path / "recorded" / f"c{number}" / "0"
        place.mkdir(parents=True)
        (place / TRANSCRIPT).write_bytes((DATA / "sessions" / name).read_bytes())
        (place / METADATA).write_text(json.dumps({"agent": "Gemini CLI" if "gemini" in name else "Claude Code"}))
    return tmp_path / "recorded"


def run_import(folder: Path, agent: Agent) -> list[str]:
    out = io.StringIO()
    call_command("import_sessions", folder, agent=agent.slug, stdout=out)
    return out.getvalue().splitlines()


def test_every_line_has_one_fate(recorded: Path, agent: Agent) -> None:
    for place in transcripts(recorded):
        data = files_of(place)
        for again in (False, True):
            account = import_session(sender=Sender(agent.pk, agent.name), files=data, now=NOW)
            assert account.lines == account.imported + account.duplicate + account.rejected > 0
            assert account.rejected == sum(account.reasons.values())
            assert (account.imported == account.events == 0) is again


def test_importing_twice_changes_nothing(recorded: Path, agent: Agent) -> None:
    first = run_import(recorded, agent)
    entries = set(Entry.objects.values_list("id", "leaf_hash"))
    runs = list(Run.objects.order_by("pk").values())
    assert runs
    assert {entry.source for entry in Entry.objects.filter(type="reports.event.recorded")} == {"import"}
    second = run_import(recorded, agent)
    assert set(Entry.objects.values_list("id", "leaf_hash")) == entries
    assert list(Run.objects.order_by("pk").values()) == runs
    assert first[-1].split()[-4] != "0"
    assert second[-1].split()[-4] == second[-1].split()[-1] == "0"
    row = SourceCount.objects.get(source="import")
    assert row.received == row.recorded + row.duplicate + row.rejected


def test_an_import_is_not_a_sign_of_life(recorded: Path, agent: Agent) -> None:
    run_import(recorded, agent)
    agent.refresh_from_db()
    assert agent.last_seen_at is None


def test_reasons_are_printed(recorded: Path, agent: Agent) -> None:
    assert any("rejected: " in line for line in run_import(recorded, agent))


def test_what_cannot_be_read_ends_with_an_error_after_the_rest(recorded: Path, agent: Agent) -> None:
    (recorded / "bad").mkdir()
    (recorded / "bad" / TRANSCRIPT).mkdir()
    with pytest.raises(CommandError, match="1 of 4 folders"):
        run_import(recorded, agent)
    assert Run.objects.exists()


def test_a_missing_folder_or_agent_is_said(tmp_path: Path, agent: Agent) -> None:
    with pytest.raises(CommandError, match="not a folder"):
        run_import(tmp_path / "nothing", agent)
    with pytest.raises(CommandError, match="no agent"):
        call_command("import_sessions", tmp_path, agent="nobody")
