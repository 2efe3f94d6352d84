"""Reads hook events that only report: Claude Code's own, and the dialects of agents that copied its shape.

Codex, Factory Droid, Gemini CLI and Copilot send the same snake_case family; Copilot's permission request
comes in camelCase whatever was configured; Cursor names the session `conversation_id`. Unknown event
names are recorded by their name.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from reports.ingest.incoming import JSON, Incoming, IngestError, Outcome, Parsed
from reports.ingest.json_text import read_object
from reports.ingest.times import believed, from_unix, parse_rfc3339
from reports.ingest.values import key_of, label, plain_name, rounded, truth, whole

Reader = Callable[[object], JSON]

_NAME = ("hook_event_name", "hookName")
_SESSION = ("session_id", "sessionId", "conversation_id")
_TOOL = ("tool_name", "toolName")
_TOOL_USE_ID = ("tool_use_id", "toolUseId")


def _same(names: str, reader: Reader) -> dict[str, tuple[str, Reader]]:
    return {name: (name, reader) for name in names.split()}


_FACTS: Mapping[str, tuple[str, Reader]] = {
    **_same(
        """
        permission_mode source prompt_id agent_id agent_type trigger from_model to_model requested_model
        status turn_id generation_id composer_mode final_status failure_type stop_reason cursor_version
        traceparent original_request_name notification_type effort mcp_server_name mcp_server_source
        """,
        plain_name,
    ),
    **_same("stop_hook_active is_interrupt is_background_agent", truth),
    **_same("loop_count context_tokens", whole),
    "duration_ms": ("duration_ms", rounded),
    "duration": ("duration_ms", rounded),
}
_CONTENT = {
    "prompt": "prompt",
    "cwd": "cwd",
    "command": "command",
    "error": "error",
    "reason": "reason",
    "tool_input": "tool_input",
    "toolInput": "tool_input",
    "toolArgs": "tool_input",
    "tool_response": "tool_output",
    "tool_result": "tool_output",
    "tool_output": "tool_output",
    "toolResult": "tool_output",
    "result_json": "tool_output",
    "last_assistant_message": "response",
    "prompt_response": "response",
    "error_message": "error",
    "error_details": "error_details",
}
_AFTER_TOOL = {"PostToolUse", "AfterTool", "AfterShellExecution", "AfterMCPExecution"}
_DENIED = {"denied", "rejected", "permission_denied"}


def read(data: bytes, *, now: datetime, task: str | None = None) -> Parsed:
    """The one event in a hook's body, received at `now`; `task` is what was stated beside the body.

    Raises IngestError when the body is not a JSON object or names no event or no session.
    """
    body = read_object(data)
    name = plain_name(_take(body, _NAME))
    if name is None:
        raise IngestError("no hook_event_name", "/hook_event_name")
    session = label(_take(body, _SESSION))
    if session is None:
        raise IngestError("no session_id", "/session_id")
    name = name[:1].upper() + name[1:]
    key = _key(body, session, name, now)  # before anything else is taken out of the body
    moment = _moment(body)
    tool, tool_use_id = plain_name(_take(body, _TOOL)), label(_take(body, _TOOL_USE_ID))
    model = plain_name(_take(body, ("model",)))
    initiator = label(_take(body, ("user_email",)))
    outcome = _outcome(name, body)
    facts, content = _sort(body, name)
    occurred_at = believed(moment, now=now)
    if moment is not None and occurred_at is None:
        facts["claimed_time"] = moment.isoformat()
    return Parsed(
        [
            Incoming(
                key=key,
                session=session,
                name=name,
                occurred_at=occurred_at,
                tool=tool,
                tool_use_id=tool_use_id,
                model=model,
                outcome=outcome,
                initiator=initiator,
                task=label(task),
                facts=facts,
                content=content,
            )
        ],
        [],
    )


def _take(body: dict[str, JSON], names: tuple[str, ...]) -> JSON:
    return next((body.pop(name) for name in names if name in body), None)


def _moment(body: dict[str, JSON]) -> datetime | None:
    stated = body.get("timestamp")
    moment = from_unix(stated, per_second=1000) if isinstance(stated, int) else parse_rfc3339(stated)
    if moment is not None and not isinstance(stated, bool):
        del body["timestamp"]
        return moment
    return None


def _key(body: dict[str, JSON], session: str, name: str, now: datetime) -> str:
    """The dedupe key: the tool call where there is one, else the body.

    Claude Code sends no time and no number. Events that may truly happen twice with the same body (a
    session resumed twice, the same permission asked twice) therefore count the second they were received
    in: recording a re-sent one twice is the smaller harm than losing one that happened.
    """
    tool_use_id = next((body[field] for field in _TOOL_USE_ID if label(body.get(field))), None)
    if tool_use_id is not None:
        return key_of("hook", session, name, tool_use_id)
    once = "timestamp" in body or (name == "UserPromptSubmit" and "prompt_id" in body)
    received = None if once else now.replace(microsecond=0).isoformat()
    return key_of("hook", session, name, body, received)


def _outcome(name: str, body: Mapping[str, JSON]) -> Outcome | None:
    if name == "PostToolUseFailure":
        if body.get("failure_type") in _DENIED:
            return Outcome.DENIED
        return Outcome.INTERRUPTED if body.get("is_interrupt") is True else Outcome.ERROR
    if name == "PermissionDenied":
        return Outcome.DENIED
    if name in ("StopFailure", "ErrorOccurred"):
        return Outcome.ERROR
    return _tool_outcome(body) if name in _AFTER_TOOL else None


def _tool_outcome(body: Mapping[str, JSON]) -> Outcome:
    result = body.get("tool_response") or body.get("tool_result") or body.get("toolResult")
    if not isinstance(result, dict):
        return Outcome.OK
    if result.get("interrupted") is True:
        return Outcome.INTERRUPTED
    kind = result.get("result_type", result.get("resultType"))
    if kind in _DENIED:
        return Outcome.DENIED
    failed = bool(result.get("error")) or result.get("is_error") is True or kind not in (None, "success")
    return Outcome.ERROR if failed else Outcome.OK


def _sort(body: dict[str, JSON], name: str) -> tuple[dict[str, JSON], dict[str, JSON]]:
    facts: dict[str, JSON] = {}
    content: dict[str, JSON] = {}
    rest: dict[str, JSON] = {}
    for field, value in _flattened(body).items():
        fact, reader = _FACTS.get(field, ("", plain_name))
        if field == "reason" and name == "SessionEnd":
            fact = "reason"
        elif field == "error" and name == "StopFailure":
            fact = "error_type"
        read_value = reader(value) if fact else None
        if read_value is not None:
            facts[fact] = read_value
        elif field in _CONTENT and _CONTENT[field] not in content:
            content[_CONTENT[field]] = value
        else:
            rest[field] = value
    if rest:
        content["attributes"] = rest
    return facts, content


def _flattened(body: dict[str, JSON]) -> dict[str, JSON]:
    """The body with the two small objects that hold plain facts opened up, when they hold nothing else."""
    flat = dict(body)
    effort, server = flat.get("effort"), flat.get("mcp_server")
    if isinstance(effort, dict) and set(effort) == {"level"} and plain_name(effort["level"]):
        flat["effort"] = effort["level"]
    if isinstance(server, dict) and set(server) <= {"name", "source"}:
        del flat["mcp_server"]
        flat |= {f"mcp_server_{field}": value for field, value in server.items()}
    return flat
