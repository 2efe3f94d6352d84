"""The files that connect an agent to the portal, written out exactly as they are to be saved."""

import json
from typing import Any

TOKEN_VARIABLE = "BAILIWICK_TOKEN"  # noqa: S105 (the name of a variable, not a token)
# Before this version Claude Code does not know onFailure and runs the tool when the portal cannot be reached.
CLAUDE_CODE_LEAST = "2.1.295"
TIMEOUT_SECONDS = 10
WIDTH = 100
_REPORTED = ("PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "SessionEnd")
_WITH_MATCHER = frozenset({"PreToolUse", "PostToolUse", "PostToolUseFailure"})


def claude_settings(*, base_url: str, repository: str) -> str:
    """The text of ``.claude/settings.json``: ask before each tool, report after it. Holds no secret."""
    headers = {"Authorization": f"Bearer ${TOKEN_VARIABLE}", "Bailiwick-Repository": repository}
    ask = {**_hook(f"{base_url}/hooks/claude", headers), "onFailure": "block"}
    tell = _hook(f"{base_url}/ingest/hooks/claude", headers)
    hooks = {"PreToolUse": [_entry("PreToolUse", ask)]}
    hooks.update({event: [_entry(event, tell)] for event in _REPORTED})
    return laid_out({"hooks": hooks})


def _hook(url: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "url": url,
        "timeout": TIMEOUT_SECONDS,
        "headers": headers,
        "allowedEnvVars": [TOKEN_VARIABLE],
    }


def _entry(event: str, hook: dict[str, Any]) -> dict[str, Any]:
    matcher = {"matcher": "*"} if event in _WITH_MATCHER else {}
    return {**matcher, "hooks": [hook]}


def laid_out(value: Any, indent: str = "") -> str:
    """JSON with what is short on one line, so that six hooks can be read without scrolling for ever."""
    short = json.dumps(value)
    if len(indent) + len(short) <= WIDTH or not isinstance(value, (dict, list)):
        return short
    deeper = indent + "  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(deeper + laid_out(item, deeper) for item in value) + f"\n{indent}]"
    members = (f"{deeper}{json.dumps(key)}: {laid_out(item, deeper)}" for key, item in value.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def telemetry_variables(*, base_url: str) -> str:
    """Shell lines that send Claude Code's OpenTelemetry logs to the portal; the token is set on the line above."""
    return "\n".join(
        [
            "export CLAUDE_CODE_ENABLE_TELEMETRY=1",
            "export OTEL_LOGS_EXPORTER=otlp",
            "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
            f"export OTEL_EXPORTER_OTLP_ENDPOINT={base_url}",
            f'export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer ${TOKEN_VARIABLE}"',
        ]
    )


def token_line(token: str = "<the token>") -> str:  # noqa: S107 (a place holder)
    return f"export {TOKEN_VARIABLE}={token}"
