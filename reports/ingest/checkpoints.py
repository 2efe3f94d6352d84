"""Reads one recorded checkpoint of a session (transcript, metadata, hash), whichever agent made it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reports.ingest import claude_sessions, gemini_sessions
from reports.ingest.incoming import JSON, Incoming, IngestError, Rejected
from reports.ingest.json_text import read_object
from reports.ingest.times import parse_rfc3339
from reports.ingest.transcripts import LineAccount
from reports.ingest.values import label

TRANSCRIPT = "full.jsonl"
METADATA = "metadata.json"
CONTENT_HASH = "content_hash.txt"

_DATED_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-(.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A recorded session. `account` has one entry for each of its `lines`.

    `intact` says whether the transcript has the recorded SHA-256; None when none was recorded. `rejected`
    also names a metadata file that could not be read, by its file name.
    """

    session_id: str
    agent: str | None
    branch: str | None
    created_at: datetime | None
    files_touched: tuple[str, ...]
    incoming: list[Incoming]
    rejected: list[Rejected]
    lines: int
    account: list[LineAccount]
    intact: bool | None


def read_checkpoint(files: Mapping[str, bytes], *, now: datetime) -> Session:
    """The session in `files` (base name to bytes), read at `now`; raises IngestError without a transcript."""
    data = files.get(TRANSCRIPT)
    if data is None:
        raise IngestError(f"the checkpoint has no {TRANSCRIPT}")
    refused: list[Rejected] = []
    metadata = _metadata(files.get(METADATA, b"{}"), refused)
    agent = label(metadata.get("agent"))
    recorded_id = label(metadata.get("session_id")) or ""
    # Older checkpoints put the day before the agent's own session id.
    dated = _DATED_ID.fullmatch(recorded_id)
    session_id = dated.group(1) if dated else recorded_id
    is_gemini = agent == "Gemini CLI" or gemini_sessions.looks_like(data)
    reader = gemini_sessions.read if is_gemini else claude_sessions.read
    transcript = reader(data, now=now, session_id=session_id)
    touched = metadata.get("files_touched")
    return Session(
        session_id=transcript.session_id,
        agent=agent,
        branch=label(metadata.get("branch")),
        created_at=parse_rfc3339(metadata.get("created_at")),
        files_touched=tuple(path for path in touched if isinstance(path, str)) if isinstance(touched, list) else (),
        incoming=transcript.incoming,
        rejected=refused + transcript.rejected,
        lines=transcript.lines,
        account=transcript.account,
        intact=_intact(data, files.get(CONTENT_HASH)),
    )


def _metadata(data: bytes, refused: list[Rejected]) -> dict[str, JSON]:
    try:
        return read_object(data)
    except IngestError as error:
        refused.append(Rejected(METADATA, error.detail))
        return {}


def _intact(data: bytes, recorded: bytes | None) -> bool | None:
    if recorded is None:
        return None
    return recorded.strip() == b"sha256:" + hashlib.sha256(data).hexdigest().encode()
