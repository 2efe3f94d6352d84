"""An edited call: the input behind bound arguments, what differs between two inputs, and how an agent is told. Pure."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from portal.ledger.rules.canonical import JSONValue

# A value and its type as approvals.rules.binding writes what canonical bytes do not hold.
_FLOAT, _OBJECT = "float", "object"
# Lines of one side times lines of the other, up to which a shared line is looked for.
_MOST_COMPARED = 250_000


def input_of(arguments: Mapping[str, Any]) -> dict[str, JSONValue]:
    """The tool's input behind what an approval binds: with it the same call is bound to the same digest."""
    if "input" in arguments:
        found: dict[str, JSONValue] = _plain(arguments["input"])
        return found
    options: dict[str, JSONValue] = _plain({"members": arguments.get("options", {})})["members"]
    behind = {"run_in_background": True} if arguments.get("run_in_background") is True else {}
    return {"command": _plain(arguments.get("command")), **behind, **options}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        if isinstance(value.get(_FLOAT), str):
            return float(value[_FLOAT])
        if isinstance(value.get(_OBJECT), dict):
            return {key: _plain(item) for key, item in value[_OBJECT].items()}
    return {key: _plain(item) for key, item in value.items()}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A unified difference of two inputs with all of their lines; a parameter's name stands above its text."""
    return unified(_lines(before), _lines(after), "as asked", "as edited")


def unified(old: Sequence[str], new: Sequence[str], old_name: str = "", new_name: str = "") -> str:
    """A unified difference with all lines of both sides.

    To find what two long texts share can take difflib minutes, and who wrote them may want that: then everything
    between what both begin with and what both end with is one change.
    """
    if len(old) * len(new) <= _MOST_COMPARED:
        context = max(len(old), len(new))
        return "\n".join(difflib.unified_diff(old, new, old_name, new_name, n=context, lineterm=""))
    short = min(len(old), len(new))
    begin = next((at for at in range(short) if old[at] != new[at]), short)
    end = next((at for at in range(short - begin) if old[-1 - at] != new[-1 - at]), short - begin)
    return "\n".join(
        [
            f"--- {old_name}",
            f"+++ {new_name}",
            f"@@ -1,{len(old)} +1,{len(new)} @@",
            *(f" {line}" for line in old[:begin]),
            *(f"-{line}" for line in old[begin : len(old) - end]),
            *(f"+{line}" for line in new[begin : len(new) - end]),
            *(f" {line}" for line in old[len(old) - end :]),
        ]
    )


def _lines(said: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name in sorted(said):
        value = said[name]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
        # split("\n") and not splitlines(): of other line ends a shell knows nothing, and a reader sees them marked.
        lines += [f"{name}:", *(f"  {line}" for line in text.split("\n"))]
    return lines


def instruct(*, asked: str, edited: str, tool: str, tool_input: Mapping[str, Any], changed: str, waits: bool) -> str:
    """What the agent is told when it repeats a call that was edited."""
    exact = json.dumps(tool_input, ensure_ascii=False, sort_keys=True)
    may = (
        f"The edited call waits for approval as {edited}; once it is approved, make"
        if waits
        else f"The edited call is approved as {edited}. Make"
    )
    return (
        f"{asked} was edited by a reviewer, so this call is not let through. {may} exactly this call of {tool}, once, "
        f"with this input:\n{exact}\nThe difference:\n{changed}"
    )


def sent_back(*, asked: str, reasons: list[str]) -> str:
    """What the agent is told when it repeats, unchanged, a call that was sent back."""
    said = "\n".join(reasons)
    return f"{asked} was sent back and this is the same call again. Change it as asked for, then ask again:\n{said}"
