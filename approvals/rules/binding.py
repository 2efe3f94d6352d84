"""The digest that ties an approval to one exact action, so that nothing approved can be exchanged for another thing."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from portal.ledger.rules.canonical import JSONValue, canonicalize

DOMAIN = b"bailiwick/action/v1\0"
_BASH_KNOWN = frozenset({"command", "description", "timeout", "run_in_background"})
# How a float is written, and what tells an object that merely looks like one from it.
_FLOAT, _OBJECT = "float", "object"


def digest(  # noqa: PLR0917  the order is part of what other rooms rely on
    agent_id: UUID, action: str, resource: str, arguments: Mapping[str, JSONValue], revision_id: UUID, epoch: int
) -> bytes:
    """Return SHA-256 over the domain tag and the RFC 8785 form of everything that an approval binds (32 bytes).

    The policy revision and the kill epoch are in it: after either changes, an old approval fits nothing. Raises
    ``CanonicalError`` for arguments that have no canonical form.
    """
    bound: JSONValue = {
        "agent": str(agent_id),
        "action": action,
        "resource": resource,
        "arguments": dict(arguments),
        "revision": str(revision_id),
        "epoch": epoch,
    }
    return hashlib.sha256(DOMAIN + canonicalize(bound)).digest()


def bound_arguments(tool: str, tool_input: Mapping[str, JSONValue], *, cwd: str) -> dict[str, JSONValue]:
    """Return the part of a tool call that an approval binds.

    For Bash that is what will run, where, and what else is asked of the shell (as to run outside its sandbox). Its
    ``description`` and ``timeout`` are left out: they are the agent's own words about the call and change nothing
    that it does, and a model asked again words them differently, which would void each approval. Of every other
    tool all of the input is bound, since any part of it may matter. A
    float is bound as its shortest text, because canonical bytes have no floats; 1 and 1.0 are two values.
    """
    if tool == "Bash":
        others = {key: _exact(value) for key, value in tool_input.items() if key not in _BASH_KNOWN}
        behind = tool_input.get("run_in_background")
        if behind is not None and not isinstance(behind, bool):
            others["run_in_background"] = _exact(behind)  # what another shell may take for yes
        return {
            "tool": tool,
            "command": _exact(tool_input.get("command")),
            "cwd": cwd,
            "run_in_background": behind is True,
            **({"options": others} if others else {}),
        }
    return {"tool": tool, "input": _exact(dict(tool_input)), "cwd": cwd}


def _exact(value: JSONValue) -> JSONValue:
    if isinstance(value, float):
        return {_FLOAT: repr(value)}
    if isinstance(value, Mapping):
        members = {key: _exact(item) for key, item in value.items()}
        return {_OBJECT: members} if len(value) == 1 and not {_FLOAT, _OBJECT}.isdisjoint(value) else members
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value
