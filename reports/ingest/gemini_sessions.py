"""Reads a Gemini CLI session: one JSON document (before version 0.5x) or JSONL, every message of it.

In JSONL a message is written again when its tool calls are done, with the same id; the repetition gives
only the events that are new. `$set` lines update the session and may hold messages.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from reports.ingest.incoming import JSON, Incoming, IngestError, Outcome
from reports.ingest.json_text import read_json
from reports.ingest.times import believed, parse_rfc3339
from reports.ingest.transcripts import Transcript, numbered_lines
from reports.ingest.values import key_of, label, plain_name, whole

_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached": "cache_read_tokens",
    "thoughts": "reasoning_tokens",
    "tool": "tool_tokens",
    "total": "total_tokens",
}
_PROMPTS = {"user": "user_prompt", "gemini": "assistant_response"}
_STATUS = {"success": Outcome.OK, "error": Outcome.ERROR, "cancelled": Outcome.INTERRUPTED}
_BLOCKED = "Tool execution blocked"  # how Gemini CLI words a hook's denial in the tool's response


def read(data: bytes, *, now: datetime, session_id: str = "") -> Transcript:
    """The session in `data`. Positions are `/messages/N` for a document and `line N` for JSONL.

    Raises IngestError when `data` is neither.
    """
    document = _document(data)
    transcript = Transcript(session_id=session_id)
    if document is None:
        for position, line in numbered_lines(data):
            _read_line(transcript, position, line, now)
        return transcript
    messages = document.pop("messages")
    transcript.session_id = label(document.get("sessionId")) or session_id
    if not isinstance(messages, list):
        raise IngestError("messages is not a list", "/messages")
    for index, message in enumerate(messages):
        _read_message(transcript, f"/messages/{index}", message, now)
    return transcript


def looks_like(data: bytes) -> bool:
    """True when `data` is a Gemini CLI session by its form."""
    if _document(data) is not None:
        return True
    try:
        first = read_json(data.split(b"\n", 1)[0])
    except IngestError:
        return False
    return isinstance(first, dict) and "sessionId" in first and "projectHash" in first and "type" not in first


def _document(data: bytes) -> dict[str, JSON] | None:
    try:
        whole_file = read_json(data)
    except IngestError:
        return None
    return whole_file if isinstance(whole_file, dict) and "messages" in whole_file else None


def _read_line(transcript: Transcript, position: str, line: bytes, now: datetime) -> None:
    if not line.strip():
        transcript.reject(position, "the line is blank")
        return
    try:
        record = read_json(line)
    except IngestError as error:
        transcript.reject(position, error.detail)
        return
    _read_message(transcript, position, record, now)


def _read_message(transcript: Transcript, position: str, record: JSON, now: datetime) -> None:
    if not isinstance(record, dict):
        transcript.reject(position, "not a JSON object")
        return
    transcript.session_id = label(record.get("sessionId")) or transcript.session_id
    update = record.get("$set")
    nested = update.get("messages") if isinstance(update, dict) else None
    messages = nested if isinstance(nested, list) else [record]
    events = [event for item in messages for event in _events(item, transcript.session_id, now)]
    if not events:
        transcript.reject(position, "the message holds nothing")
        return
    transcript.add(position, events)


def _events(message: JSON, session: str, now: datetime) -> Iterator[Incoming]:
    if not isinstance(message, dict):
        return
    fields = dict(message)
    message_id, kind = plain_name(fields.pop("id", None)), plain_name(fields.pop("type", None))
    if message_id is None or kind is None:
        yield _record(message, session)
        return
    moment = parse_rfc3339(fields.pop("timestamp", None))
    shared = Incoming(
        key=key_of("gemini-session", message_id),
        session=session,
        name=_PROMPTS.get(kind, f"session_{kind}"),
        occurred_at=believed(moment, now=now),
        model=plain_name(fields.pop("model", None)),
        outcome=Outcome.ERROR if kind == "error" else None,
        facts={"message_id": message_id},
    )
    calls, tokens, thoughts = (fields.pop(name, None) for name in ("toolCalls", "tokens", "thoughts"))
    yield from _said(shared, fields.pop("content", None), fields, thoughts)
    for call in calls if isinstance(calls, list) else []:
        yield from _call(shared, call)
    if isinstance(tokens, dict):
        yield _usage(shared, tokens)


def _record(message: dict[str, JSON], session: str) -> Incoming:
    name = "session_start" if "projectHash" in message else "session_update"
    return Incoming(
        key=key_of("gemini-session", "record", session, message),
        session=session,
        name=name,
        content={"record": dict(message)},
    )


def _said(shared: Incoming, content: JSON, fields: dict[str, JSON], thoughts: JSON) -> Iterator[Incoming]:
    """The message's own text, its thoughts, and tool results sent back as parts of a user message."""
    parts = content if isinstance(content, list) else [content]
    results = [part for part in parts if isinstance(part, dict) and "functionResponse" in part]
    others = [part for part in parts if not (isinstance(part, dict) and "functionResponse" in part)]
    spoken = [_plain(part) for part in others if part not in (None, "")]
    if spoken or not (results or shared.name == "assistant_response"):
        named = {"user_prompt": "prompt", "assistant_response": "response"}.get(shared.name, "text")
        content_fields: dict[str, JSON] = {named: spoken[0]} if len(spoken) == 1 else {named: spoken}
        if fields:
            content_fields["attributes"] = fields
        yield replace(shared, content=content_fields)
    if thoughts:
        yield replace(
            shared,
            key=key_of("gemini-session", shared.facts["message_id"], "thoughts"),
            name="assistant_thinking",
            content={"thoughts": thoughts},
        )
    for part in results:
        response = part["functionResponse"]
        if isinstance(response, dict):
            yield _result(shared, response.get("id"), response.get("name"), None, {"response": response})


def _plain(part: JSON) -> JSON:
    return part["text"] if isinstance(part, dict) and set(part) == {"text"} else part


def _call(shared: Incoming, call: JSON) -> Iterator[Incoming]:
    if not isinstance(call, dict):
        return
    fields = dict(call)
    call_id, tool, status = fields.pop("id", None), fields.pop("name", None), fields.pop("status", None)
    yield replace(
        shared,
        key=key_of("gemini-session", "call", call_id, shared.facts["message_id"] if call_id is None else None),
        name="tool_use",
        tool=plain_name(tool),
        tool_use_id=label(call_id),
        content={"tool_input": fields.pop("args", None)},
    )
    yield _result(shared, call_id, tool, status, fields)


def _result(shared: Incoming, call_id: JSON, tool: JSON, status: JSON, content: dict[str, JSON]) -> Incoming:
    outcome = _STATUS.get(status) if isinstance(status, str) else None
    if outcome in (Outcome.ERROR, None) and _blocked(content):
        outcome = Outcome.DENIED
    return replace(
        shared,
        key=key_of("gemini-session", "result", call_id, shared.facts["message_id"] if call_id is None else None),
        name="tool_result",
        tool=plain_name(tool),
        tool_use_id=label(call_id),
        outcome=outcome,
        content={"tool_output": content},
    )


def _blocked(value: JSON) -> bool:
    if isinstance(value, str):
        return value.startswith(_BLOCKED)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_blocked(item) for item in inner)


def _usage(shared: Incoming, tokens: dict[str, JSON]) -> Incoming:
    counts = {fact: whole(tokens[field]) for field, fact in _TOKENS.items() if field in tokens}
    facts: dict[str, JSON] = {fact: count for fact, count in counts.items() if count is not None}
    return replace(
        shared,
        key=key_of("gemini-session", "usage", shared.facts["message_id"]),
        name="usage",
        facts=facts | {"message_id": shared.facts["message_id"]},
    )
