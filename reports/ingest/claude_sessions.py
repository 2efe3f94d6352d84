"""Reads a Claude Code session transcript (JSONL), every line of it.

The format is internal to Claude Code and changes between versions, so nothing is assumed of a line but
that it is an object with a `type`: types that are not known are recorded by their name with everything
they hold as content.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reports.ingest.incoming import JSON, Incoming, IngestError, Outcome
from reports.ingest.json_text import read_object
from reports.ingest.times import believed, parse_rfc3339
from reports.ingest.transcripts import Transcript, numbered_lines
from reports.ingest.values import key_of, label, plain_name, rounded, truth, whole

_NAMES = {
    ("user", "text"): "user_prompt",
    ("user", "tool_result"): "tool_result",
    ("assistant", "text"): "assistant_response",
    ("assistant", "thinking"): "assistant_thinking",
    ("assistant", "redacted_thinking"): "assistant_thinking",
    ("assistant", "tool_use"): "tool_use",
}
_LINE_NAMES = {
    "version": "version",
    "userType": "user_type",
    "permissionMode": "permission_mode",
    "permissionDecision": "permission_decision",
    "parentUuid": "parent",
    "requestId": "request_id",
    "entrypoint": "entrypoint",
    "agentId": "agent_id",
    "subtype": "subtype",
    "level": "level",
    "operation": "operation",
    "leafUuid": "leaf",
    "messageId": "message_id",
    "toolUseID": "about_tool_use",
    "parentToolUseID": "parent_tool_use",
    "promptId": "prompt_id",
}
_LINE_TRUTHS = {"isSidechain": "sidechain", "isMeta": "meta", "isApiErrorMessage": "api_error"}
_LINE_NUMBERS = {"durationMs": "duration_ms", "hookCount": "num_hooks"}
_TOKENS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_creation_tokens",
}
# How Claude Code words a refusal in the tool result it gives the model; there is no field that says so.
_REFUSALS = (
    "The user doesn't want to proceed with this tool use",
    "Permission to use ",
    "User rejected tool use",
)
_SPEAKERS = ("user", "assistant")  # other lines may quote messages, which are not said a second time
_INTERRUPTION = "[Request interrupted by user"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line taken apart: its type, what all its events share, and what is left over."""

    kind: str
    key: str
    shared: Incoming
    message: dict[str, JSON]
    rest: dict[str, JSON]


class _Reader:
    """Reads lines in order; remembers which tool a call was for and the usage of each model response."""

    def __init__(self, transcript: Transcript, now: datetime) -> None:
        self.transcript = transcript
        self.now = now
        self.tools: dict[str, str | None] = {}
        self.usage: dict[str, Incoming] = {}

    def events(self, data: bytes) -> list[Incoming]:
        line = self._take_apart(read_object(data), data)
        blocks = _blocks(line)
        if not blocks:
            return [replace(line.shared, content=_named(line))]
        found = [self._block(line, index, block) for index, block in enumerate(blocks)]
        found[0].content.update({"attributes": line.rest} if line.rest else {})
        self._note_usage(line)
        return found

    def _take_apart(self, fields: dict[str, JSON], data: bytes) -> _Line:
        kind = plain_name(fields.pop("type", None))
        if kind is None:
            raise IngestError("the line has no type")
        uuid = label(fields.pop("uuid", None))
        key = f"uuid {uuid}" if uuid else f"sha256 {hashlib.sha256(data.strip()).hexdigest()}"
        session = label(fields.pop("sessionId", None)) or self.transcript.session_id
        self.transcript.session_id = self.transcript.session_id or session
        moment = parse_rfc3339(fields.get("timestamp"))
        facts = _line_facts(fields)
        if moment is not None:
            del fields["timestamp"]
            if believed(moment, now=self.now) is None:
                facts["claimed_time"] = moment.isoformat()
        message = fields.get("message")
        said = kind in _SPEAKERS and isinstance(message, dict) and isinstance(message.get("content"), str | list)
        taken = message if said and isinstance(message, dict) else {}
        if taken:
            del fields["message"]
        shared = Incoming(
            key=key_of("claude-session", key),
            session=session,
            name=kind,
            occurred_at=believed(moment, now=self.now),
            model=plain_name(taken.get("model")),
            outcome=Outcome.ERROR if facts.get("api_error") else None,
            branch=label(fields.pop("gitBranch", None)),
            facts=facts,
        )
        return _Line(kind, key, shared, dict(taken), fields)

    def _block(self, line: _Line, index: int, block: JSON) -> Incoming:
        fields: dict[str, JSON] = dict(block) if isinstance(block, dict) else {"text": block}
        kind = plain_name(fields.pop("type", "text")) or "unknown"
        role = "assistant" if line.kind == "assistant" else "user"
        event = replace(
            line.shared,
            key=line.shared.key if index == 0 else key_of("claude-session", line.key, index),
            name=_NAMES.get((role, kind), f"{role}_{kind}"),
            facts=dict(line.shared.facts),
            content={},
        )
        message_id = plain_name(line.message.get("id"))
        if message_id:
            event.facts["message_id"] = message_id
        if kind in ("tool_use", "server_tool_use"):
            return self._call(event, fields)
        if kind == "tool_result":
            return self._result(event, fields, line)
        return _text(event, fields, kind)

    def _call(self, event: Incoming, fields: dict[str, JSON]) -> Incoming:
        tool, call = plain_name(fields.pop("name", None)), label(fields.pop("id", None))
        if call:
            self.tools[call] = tool
        content = {"tool_input": fields.pop("input", None)} | ({"block": fields} if fields else {})
        return replace(event, tool=tool, tool_use_id=call, content=content)

    def _result(self, event: Incoming, fields: dict[str, JSON], line: _Line) -> Incoming:
        call = label(fields.pop("tool_use_id", None))
        is_error = fields.pop("is_error", None) is True
        content: dict[str, JSON] = {"tool_output": fields.pop("content", None)}
        outcome = _result_outcome(is_error, content["tool_output"], line.rest)
        if fields:
            content["block"] = fields
        return replace(event, tool=self.tools.get(call or ""), tool_use_id=call, outcome=outcome, content=content)

    def _note_usage(self, line: _Line) -> None:
        """A response is written as several lines repeating its usage; the last one has the final numbers."""
        usage, message_id = line.message.get("usage"), plain_name(line.message.get("id"))
        if not isinstance(usage, dict) or message_id is None:
            return
        tokens = {fact: whole(usage[field]) for field, fact in _TOKENS.items() if field in usage}
        facts: dict[str, JSON] = {fact: count for fact, count in tokens.items() if count is not None}
        self.usage[message_id] = replace(
            line.shared,
            key=key_of("claude-session", "usage", message_id),
            name="usage",
            outcome=None,
            facts=facts | {"message_id": message_id},
            content={"usage": usage},
        )


def read(data: bytes, *, now: datetime, session_id: str = "") -> Transcript:
    """The transcript in `data`: every line imported, a duplicate or rejected with its reason.

    `session_id` is for lines that name none. Token usage is one `usage` event per model response, at the end.
    """
    transcript = Transcript(session_id=session_id)
    reader = _Reader(transcript, now)
    for position, line in numbered_lines(data):
        if not line.strip():
            transcript.reject(position, "the line is blank")
            continue
        try:
            events = reader.events(line)
        except IngestError as error:
            transcript.reject(position, error.detail)
        else:
            transcript.add(position, events)
    transcript.incoming.extend(reader.usage.values())
    return transcript


def _line_facts(fields: dict[str, JSON]) -> dict[str, JSON]:
    facts: dict[str, JSON] = {}
    for names, reader in ((_LINE_NAMES, plain_name), (_LINE_TRUTHS, truth), (_LINE_NUMBERS, rounded)):
        for name, fact in names.items():
            value = reader(fields.get(name))
            if value is not None:
                facts[fact] = value
                del fields[name]
    return facts


def _blocks(line: _Line) -> list[JSON]:
    content = line.message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _named(line: _Line) -> dict[str, JSON]:
    """The content of a line without message blocks: its one telling field by name, the rest as attributes."""
    rest = dict(line.rest) | ({"message": line.message} if line.message else {})
    telling = {name: rest.pop(name) for name in ("summary", "content", "data", "snapshot") if name in rest}
    return telling | ({"attributes": rest} if rest else {})


def _text(event: Incoming, fields: dict[str, JSON], kind: str) -> Incoming:
    text = fields.get("text")
    if event.name == "user_prompt" and isinstance(text, str) and text.startswith(_INTERRUPTION):
        return replace(event, name="interrupted", outcome=Outcome.INTERRUPTED, content={"text": text})
    named = {"user_prompt": "prompt", "assistant_response": "response"}.get(event.name)
    if named and isinstance(text, str):
        del fields["text"]
        return replace(event, content={named: text} | ({"block": fields} if fields else {}))
    return replace(event, content={"block": fields | {"type": kind}})


def _result_outcome(is_error: bool, output: JSON, rest: Mapping[str, JSON]) -> Outcome:
    if not is_error:
        detail = rest.get("toolUseResult")
        stopped = isinstance(detail, dict) and detail.get("interrupted") is True
        return Outcome.INTERRUPTED if stopped else Outcome.OK
    return Outcome.DENIED if any(text.startswith(_REFUSALS) for text in _texts(output)) else Outcome.ERROR


def _texts(output: JSON) -> Iterator[str]:
    for item in output if isinstance(output, list) else [output]:
        text = item.get("text") if isinstance(item, dict) else item
        if isinstance(text, str):
            yield text
