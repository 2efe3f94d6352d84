"""The dialect of Claude Code's hooks: a hook's body becomes a neutral tool call, a decision becomes the exact reply."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from approvals.rules.authorize import Decision, Outcome
from portal.ledger.rules.canonical import JSONValue

MAX_TEXT = 4096
# Claude Code cuts longer texts itself; what is here must survive whole, since it tells the agent what to do.
MAX_REASON = 4000
# What Claude Code adds to the model's context beside the answer; it takes at most 10,000 characters.
MAX_CONTEXT = 8000
# Rules about asking and not about the action: what to do instead stands in their sentence.
_OF_REQUESTS = "requests."


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that an agent wants to make. ``permission_mode`` is what the agent says of itself."""

    session_id: str
    cwd: str
    event: str
    tool: str
    tool_input: Mapping[str, JSONValue] = field(repr=False)
    tool_use_id: str
    permission_mode: str


class HookError(ValueError):
    """A body that is not a tool call. ``pointer`` is the JSON pointer (RFC 6901) to what is wrong."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or 'The body'}: {detail}")
        self.pointer = pointer
        self.detail = detail


def parse(body: JSONValue) -> ToolCall:
    """Return the tool call of a ``PreToolUse`` hook; raises ``HookError``. Fields that are not known are left alone."""
    if not isinstance(body, Mapping):
        raise HookError("", "must be an object.")
    event = _text(body, "hook_event_name")
    if event != "PreToolUse":
        raise HookError("/hook_event_name", "must be PreToolUse; only a call that has not been made can be decided.")
    tool_input = body.get("tool_input")
    if not isinstance(tool_input, Mapping):
        raise HookError("/tool_input", "must be an object.")
    return ToolCall(
        session_id=_text(body, "session_id"),
        cwd=_text(body, "cwd"),
        event=event,
        tool=_text(body, "tool_name"),
        tool_input=tool_input,
        tool_use_id=_text(body, "tool_use_id", required=False),
        permission_mode=_text(body, "permission_mode", required=False),
    )


def _text(body: Mapping[str, JSONValue], name: str, *, required: bool = True) -> str:
    value = body.get(name, None if required else "")
    if value is None or (required and value == ""):
        raise HookError(f"/{name}", "is required.")
    if not isinstance(value, str):
        raise HookError(f"/{name}", "must be a text.")
    if len(value) > MAX_TEXT:
        raise HookError(f"/{name}", f"must not be longer than {MAX_TEXT} characters.")
    return value


def reply(
    decision: Decision, request_number: str | None = None, url: str | None = None, retry_after: int | None = None
) -> dict[str, JSONValue]:
    """Return the JSON object that answers a ``PreToolUse`` hook.

    A review is answered with ``deny``: ``ask`` would put the question to whoever sits at the agent, who may be the
    one that must not decide. A kill also ends the session (``continue`` false). Warnings go to the model beside
    the decision and change nothing about it.
    """
    said: dict[str, JSONValue] = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow" if decision.outcome is Outcome.ALLOW else "deny",
        "permissionDecisionReason": _reason(decision, request_number, url, retry_after),
    }
    if decision.warnings:
        said["additionalContext"] = "\n".join(decision.warnings)[:MAX_CONTEXT]
    answer: dict[str, JSONValue] = {"hookSpecificOutput": said}
    if decision.stopped:
        answer["continue"] = False
        answer["stopReason"] = _reason(decision, request_number, url, retry_after)
    return answer


def _reason(decision: Decision, request_number: str | None, url: str | None, retry_after: int | None) -> str:
    sentence = decision.sentence if len(decision.sentence) <= MAX_REASON else f"{decision.sentence[:MAX_REASON]} […]"
    if decision.outcome is Outcome.ALLOW:
        return sentence
    if decision.stopped:
        return f"{sentence} Stop now and make no further calls; people must agree before this agent works again."
    where = f" ({url})" if url else ""
    if decision.outcome is Outcome.DENY and any(rule.id.startswith(_OF_REQUESTS) for rule in decision.rules):
        of = f" See {request_number}{where}." if request_number else ""
        return f"{sentence}{of} Do not work around it."
    if decision.outcome is Outcome.DENY:
        return (
            f"{sentence} No approval can change this. Do not look for another way to do it; "
            "tell the person what you needed."
        )
    if request_number is None:
        return f"{sentence} No request could be opened, so it is denied. Do not work around it; ask again later."
    again = f" It is of no use to ask again in less than {retry_after} s." if retry_after else ""
    return (
        f"{sentence} It needs approval: {request_number}{where}. Do not work around it. Go on with other work, "
        f"and make exactly the same call again after {request_number} is approved.{again}"
    )
