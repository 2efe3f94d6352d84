"""Finds the tool calls in recorded sessions of coding agents: each call once, in a fixed order."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_PLACE = "/repository"
_SWE_AGENT = frozenset(
    """
    open edit create goto scroll_up scroll_down search_dir search_file find_file submit insert exit_forfeit append
    connect_start connect_sendline connect_exec connect_stop debug_start debug_stop debug_continue debug_add_breakpoint
    debug_step debug_exec decompile disassemble str_replace_editor filemap view_image exit_cost exit_context
    """.split()
)


class Recorded(NamedTuple):
    """One recorded call. ``source`` is the first folder below the corpus, ``cwd`` where the session worked."""

    source: str
    tool: str
    given: Mapping[str, object]
    cwd: str


def recorded_calls(corpus: Path) -> list[Recorded]:
    """Return every distinct recorded call below a folder, in the order of its files and lines."""
    found: dict[tuple[str, str], Recorded] = {}
    for file in sorted(corpus.rglob("*.jsonl")) + sorted(corpus.rglob("*.traj")):
        source = file.relative_to(corpus).parts[0]
        cwd = ""
        for row in _rows(file):
            cwd = _said(row) or cwd
            for key, tool, given in _calls(row):
                one = Recorded(source, tool, given, cwd or _PLACE)
                # The same call stands in a transcript, in a hook's body and in the agent's output.
                found.setdefault((source, key), one)
    return list(found.values())


def _rows(file: Path) -> Iterator[object]:
    text = file.read_text(errors="replace")
    for line in [text] if file.suffix == ".traj" else text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _said(row: object) -> str:
    for part in _dicts(row):
        cwd = part.get("cwd")
        if isinstance(cwd, str) and cwd.startswith("/"):
            return cwd
    return ""


def _dicts(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def _calls(row: object) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """The shapes in which a call is written down: Claude's, a hook's, Codex', Gemini's, OpenHands' and SWE-agent's."""
    for part in _dicts(row):
        key = part.get("id") or part.get("tool_use_id") or part.get("call_id") or part.get("tool_call_id")
        name, given = part.get("name"), None
        if part.get("type") == "tool_use":
            given = part.get("input")
        elif part.get("type") == "function_call":
            key, given = part.get("call_id"), _object(part.get("arguments"))
        elif part.get("hook_event_name") in {"PreToolUse", "BeforeTool"}:
            name, given = part.get("tool_name"), _object(part.get("tool_input"))
            key = part.get("tool_use_id") or part.get("session_id")
        elif part.get("kind") == "ActionEvent":
            name, given = part.get("tool_name"), part.get("action")
        elif "thought" in part and isinstance(command := part.get("action"), str):
            verb = command.strip().partition(" ")[0].partition("\n")[0]
            # What SWE-agent's own commands do is not told by their words; they are tools that look like programs.
            name, given = (f"swe-agent {verb}" if verb in _SWE_AGENT else "Bash"), {"command": command}
        if isinstance(name, str) and isinstance(given, dict):
            # Some agents number their calls from the start in each session.
            yield json.dumps([key, name, given], sort_keys=True), name, given


def _object(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
