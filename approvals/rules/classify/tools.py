"""The tools of a coding agent: what each does, told from its input. What a shell is given goes to the shell's reader.

The tables: shells (``_SHELLS``), tools that read, look or write with the member of their input that holds the path
(``_READ_PATH``, ``_LOOK_PATH``, ``_WRITE_PATH``), and tools without effect (``_NO_EFFECT``); those of MCP servers stand
in ``mcp``. A tool in none of them is ``unknown`` unless the organisation added it to the catalogue as an action of its
own.
"""

import re
from collections.abc import Mapping

from approvals.rules.classify.actions import Action
from approvals.rules.classify.call import Call, Word, names
from approvals.rules.classify.files import shows_everything
from approvals.rules.classify.mcp import SIZED, read_mcp
from approvals.rules.classify.network import host_of
from approvals.rules.classify.paths import Place
from approvals.rules.classify.shell import read_script
from registry.rules.catalogue import Catalogue

# Other agents' names for a shell: OpenHands' terminal, Codex' exec_command, Gemini's run_shell_command.
_SHELLS = {"Bash": "command", "terminal": "command", "exec_command": "cmd", "run_shell_command": "command"}
_ELSEWHERE = ("workdir", "directory", "dir_path", "shell", "is_input", "with_escalated_permissions")
_READ_PATH = {"Read": "file_path", "NotebookRead": "notebook_path"}
_LOOK_PATH = {"Glob": "path", "Grep": "path", "LS": "path"}
_WRITE_PATH = {"Write": "file_path", "Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path"}
# These change nothing outside the session. A sub-agent's own calls are checked one by one (Task, Agent).
_NO_EFFECT = names(
    """
    Task Agent TodoWrite TodoRead TaskCreate TaskUpdate TaskList TaskGet TaskOutput TaskStop
    AskUserQuestion EnterPlanMode ExitPlanMode BashOutput AgentOutputTool KillShell KillBash Skill
    ToolSearch ListMcpResourcesTool StructuredOutput
    """
)


def read_tool(tool: str, given: Mapping[str, object], place: Place, found: list[Action], catalogue: Catalogue) -> None:
    """Add what one call of ``tool`` with this input does; a tool or an input that is not known is ``unknown``.

    The organisation's own actions are asked last, so that none can stand in for what the portal understands; they are
    added to what a tool of an MCP server is taken for.
    """
    call = Call(tool, (), place, found, lambda _: None, lambda _: None)
    if tool in _SHELLS:
        _shell(call, given, catalogue)
    elif tool in _READ_PATH:
        _with_path(call, given.get(_READ_PATH[tool]), lambda word: call.read([word]))
    elif tool in _WRITE_PATH:
        _with_path(call, given.get(_WRITE_PATH[tool]), lambda word: call.write([word]))
    elif tool in _LOOK_PATH:
        _look(call, given)
    elif tool == "WebFetch":
        url = given.get("url")
        call.add(
            "network.fetch", url if isinstance(url, str) else "", host=host_of(url) if isinstance(url, str) else None
        )
    elif tool == "WebSearch":
        call.add("network.fetch", "web search", "The words of the search go to a search engine.")
    elif tool in _NO_EFFECT:
        call.add("read", tool, "It changes nothing outside the session.")
    elif read_mcp(call, given):
        # What a server is called is no proof of what it is: what the organisation says of the tool counts beside it.
        if own := catalogue.of_tool(tool):
            call.add(own, tool)
    elif own := catalogue.of_tool(tool):
        call.add(own, tool)
    else:
        call.unknown(f"{tool} is not a tool that the portal knows.")


def _shell(call: Call, given: Mapping[str, object], catalogue: Catalogue) -> None:
    command = given.get(_SHELLS[call.program])
    if not isinstance(command, str) or not command.strip():
        call.unknown("It has no command.")
        return
    read_script(command, call.place, call.found, catalogue)
    if given.get("dangerouslyDisableSandbox"):
        call.unknown("It asks to run outside the sandbox that the agent's machine puts around its shell.")
    if any(given.get(name) for name in _ELSEWHERE):
        call.unknown("It names the directory, the shell or the terminal that the command goes to.")


def size_of(tool: str, given: Mapping[str, object]) -> tuple[int, int]:
    """Return how many files and lines the call changes, as far as its input shows: lines taken out plus put in."""
    if tool not in _WRITE_PATH and tool not in SIZED:
        return 0, 0
    edits, files = given.get("edits"), given.get("files")
    rows = next((several for several in (edits, files) if isinstance(several, list)), [given])
    texts = (row.get(name) for row in rows if isinstance(row, Mapping) for name in _WRITTEN)
    return len(files) if isinstance(files, list) else 1, sum(_lines(text) for text in texts if isinstance(text, str))


_WRITTEN = ("old_string", "new_string", "content", "new_source", "oldText", "newText")


def _lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n")) if text else 0


def _with_path(call: Call, path: object, use: object) -> None:
    if isinstance(path, str) and path and "\0" not in path and callable(use):
        use(Word(path))
    else:
        call.unknown("It names no path.")


def _look(call: Call, given: Mapping[str, object]) -> None:
    path = given.get("path") or "."
    kind = "read" if call.program == "LS" else "search"
    pattern, glob = given.get("pattern"), given.get("glob")
    if not isinstance(path, str):
        call.unknown("Its path is not a text.")
        return
    call.read([Word(path)], kind, content=call.program == "Grep")
    if call.program == "Glob" and isinstance(pattern, str) and (pattern.startswith(("/", "~")) or ".." in pattern):
        call.touch(Word(pattern.split("*")[0]))
    if call.program == "Grep" and given.get("output_mode") == "content" and shows_everything(pattern):
        call.unknown("It shows nearly every line of what it searches, secrets among them.")
    if call.program == "Grep" and isinstance(glob, str):
        call.touch(Word(glob))
        if call.found[-1].type != "secret.read" and any(mark in glob for mark in "*?[{"):
            _grep_glob(call, glob)


def _grep_glob(call: Call, glob: str) -> None:
    parts = (name.rpartition("/")[2] for name in re.split(r"[{},\s]", glob))
    from_dot = any(name.startswith((".", "[.", "*env", "?env", "*nv", "?nv")) for name in parts)
    if from_dot:
        call.unknown(f"{glob} may match files that hold secrets.")
