"""The files that connect an agent to the portal, written out exactly as they are to be saved."""

import json
from typing import Any

TOKEN_VARIABLE = "BAILIWICK_TOKEN"  # noqa: S105 (the name of a variable, not a token)
# Before this version Claude Code does not know onFailure and runs the tool when the portal cannot be reached.
CLAUDE_CODE_LEAST = "2.1.295"
TIMEOUT_SECONDS = 10
WIDTH = 100
# Outside of the checkout, where the agent cannot write.
SHIM_PLACE = "/opt/bailiwick/bailiwick.py"
# More than the shim itself takes to refuse.
SHIM_TIMEOUT_SECONDS = 20
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


def shim_variables(*, base_url: str, agent_id: str, team_id: str, repository: str, stop_key: str) -> str:
    """Shell lines for the shim: where to ask, who it is, and the stop file with the key that must have signed it."""
    return "\n".join(
        [
            f"export BAILIWICK_URL={base_url}",
            f"export BAILIWICK_REPOSITORY={repository}",
            f"export BAILIWICK_AGENT={agent_id}",
            f"export BAILIWICK_TEAM={team_id}",
            f"export BAILIWICK_STOP_FILE={base_url}/.well-known/bailiwick-stop",
            f"export BAILIWICK_STOP_KEY='{stop_key}'",
        ]
    )


def shim_settings(*, place: str = SHIM_PLACE) -> str:
    """``.claude/settings.json`` with the shim as a command hook: the stop file counts, and every event is reported."""
    command = f"python3 -I -S {place} hook claude"
    hook = {"type": "command", "command": command, "timeout": SHIM_TIMEOUT_SECONDS}
    hooks = {"PreToolUse": [_entry("PreToolUse", {**hook, "onFailure": "block"})]}
    hooks.update({event: [_entry(event, hook)] for event in _REPORTED})
    return laid_out({"hooks": hooks})


def shim_step(*, place: str = SHIM_PLACE) -> str:
    """The lines of a CI step: ask before, then run under a lease that a stop ends."""
    return "\n".join(
        [
            f"python3 -I -S {place} check --wait 600 -- ./deploy.sh staging",
            f"python3 -I -S {place} run -- ./deploy.sh staging",
        ]
    )
