"""The words and texts of a run's story: what an event's name means, and which of its values to show. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

# A page of 200 items must stay readable; the API and the package have every value whole.
MOST_SHOWN: Final = 2_000

# Event name -> (words, icon). Names of hooks and of OpenTelemetry events that say the same share their words.
EVENT_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("user_prompt", "UserPromptSubmit"), ("A prompt was given", "user")),
    **dict.fromkeys(("assistant_response", "assistant_text"), ("The agent answered", "bot")),
    "assistant_thinking": ("The agent thought", "bot"),
    **dict.fromkeys(("PreToolUse", "BeforeTool"), ("Was about to use {tool}", "terminal")),
    "tool_use": ("Called {tool}", "terminal"),
    **dict.fromkeys(("PostToolUse", "AfterTool", "tool_result", "tool_call"), ("Used {tool}", "terminal")),
    "PostToolUseFailure": ("{tool} failed", "terminal"),
    "tool_decision": ("The agent's own gate decided on {tool}", "shield"),
    **dict.fromkeys(("PermissionRequest", "permission_request"), ("Its user was asked about {tool}", "circle-help")),
    "PermissionDenied": ("{tool} was refused on the machine", "octagon-x"),
    **dict.fromkeys(("SessionStart", "session_start", "conversation_starts"), ("The session began", "play")),
    **dict.fromkeys(("SessionEnd", "session_end"), ("The session ended", "square")),
    **dict.fromkeys(("Stop", "SubagentStop"), ("The agent finished its turn", "square")),
    "StopFailure": ("The turn ended with an error", "triangle-alert"),
    "api_request": ("Called the model", "globe"),
    "api_response": ("The model answered", "globe"),
    "api_error": ("A call of the model failed", "triangle-alert"),
    "usage": ("Tokens used", "activity"),
    "interrupted": ("Interrupted by its user", "circle-pause"),
    "permission_mode_changed": ("The permission mode changed", "key"),
    "PreCompact": ("The context was condensed", "archive"),
    "summary": ("A summary was written", "file-text"),
}
# Shown first and by these names; every other value follows under its own.
_FIRST: Final[Mapping[str, str]] = {
    "command": "Command",
    "prompt": "Prompt",
    "response": "Response",
    "text": "Text",
    "tool_input": "Input",
    "input": "Input",
    "tool_parameters": "Parameters",
    "tool_output": "Output",
    "error": "Error",
    "reason": "Reason",
}
_LAST: Final[Mapping[str, str]] = {
    "attributes": "Further attributes",
    "block": "Further parts",
    "cwd": "Working folder",
}
_SKIPPED: Final = frozenset({"tool", "run_in_background", "actor_label"})


def code_of(values: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """(label, text, characters left out) for each value worth showing; the most telling first."""
    flat = _opened(values)
    order = [*_FIRST, *sorted(flat.keys() - _FIRST.keys() - _LAST.keys() - _SKIPPED), *_LAST]
    for name in order:
        value = flat.get(name)
        if value in (None, "", {}, []):
            continue
        text = written(value)
        label = _FIRST.get(name) or _LAST.get(name) or name.replace("_", " ").capitalize()
        yield label, text[:MOST_SHOWN], max(0, len(text) - MOST_SHOWN)


def _opened(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A shell tool's input opened up, so that its command stands as a command and not inside JSON."""
    for name in ("tool_input", "input"):
        inner = values.get(name)
        if isinstance(inner, Mapping) and isinstance(inner.get("command"), str) and "command" not in values:
            rest = {key: value for key, value in inner.items() if key != "command"}
            return {**values, "command": inner["command"], name: rest}
    return values


def written(value: Any) -> str:
    """A value as text: strings as they are, everything else as indented JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


# The outcome a source reported -> (kind, value) of the state that looks like it.
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "ok": ("run", "success"),
    "error": ("run", "failure"),
    "allowed": ("decision", "allow"),
    "denied": ("decision", "deny"),
    "interrupted": ("run", "interrupted"),
}
