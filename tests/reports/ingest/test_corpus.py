"""Real recorded sessions and wire captures, read whole; needs a corpus that is not part of this project.

Set BAILIWICK_CORPUS_DIR to a folder with `entireio-cli-checkpoints/` (checkpoint folders as the Entire CLI
writes them) and `wire-captures/` (`*/*/raw/logs.*.{json,pb}`, `*/*/hook.jsonl`).
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from reports.ingest import claude_hooks, otlp_json, otlp_protobuf
from reports.ingest.checkpoints import Session, read_checkpoint
from reports.ingest.incoming import Outcome
from tests.reports.ingest.samples import NOW

CORPUS = Path(os.environ.get("BAILIWICK_CORPUS_DIR") or "not-set")

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason="BAILIWICK_CORPUS_DIR is not set: the recorded corpus is not part of the project",
)


def sessions() -> list[tuple[Path, Session]]:
    folders = sorted(path.parent for path in CORPUS.glob("entireio-cli-checkpoints/*/*/*/full.jsonl"))
    read = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    return [(folder, read_checkpoint(files, now=NOW)) for folder, files in zip(folders, read, strict=True)]


def test_every_line_of_every_session_is_accounted_for() -> None:
    found = sessions()
    assert len(found) > 1
    for folder, session in found:
        data = (folder / "full.jsonl").read_bytes()
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        assert session.lines == len(session.account) == lines, folder
        assert len({event.key for event in session.incoming}) == len(session.incoming), folder
        assert {event.session for event in session.incoming} == {session.session_id}, folder


def test_rejected_calls_and_bad_lines_are_those_the_corpus_was_chosen_for() -> None:
    selection = json.loads((CORPUS / "entireio-cli-checkpoints" / "_selection.json").read_bytes())
    chosen = {item["path"]: item for item in selection}
    for folder, session in sessions():
        expected = chosen[(folder / "full.jsonl").relative_to(CORPUS / "entireio-cli-checkpoints").as_posix()]
        outcomes = Counter(event.outcome for event in session.incoming if event.name == "tool_result")
        calls = Counter(event.name for event in session.incoming)["tool_use"]
        assert (calls, outcomes[Outcome.DENIED], len(session.rejected)) == (
            expected["tool_calls"],
            expected["rejections"],
            expected["bad_lines"],
        ), folder


def test_wire_captures_lose_no_record() -> None:
    bodies = sorted(CORPUS.glob("wire-captures/*/*/raw/logs.*"))
    read = 0
    for path in bodies:
        if path.name.endswith("headers.json"):
            continue
        reader = otlp_protobuf if path.suffix == ".pb" else otlp_json
        parsed = reader.read(path.read_bytes(), now=NOW)
        assert {item.reason for item in parsed.rejected} <= {"no event.name"}
        assert all(event.session and event.occurred_at for event in parsed.incoming)
        read += len(parsed.incoming)
    assert read > 100
    for path in sorted(CORPUS.glob("wire-captures/*/*/hook.jsonl")):
        for line in path.read_bytes().splitlines():
            body = json.loads(line)["json"]
            if "hook_event_name" in body:
                assert claude_hooks.read(json.dumps(body).encode(), now=NOW).incoming[0].name == body["hook_event_name"]
