"""The digest that binds an approval to exactly one action. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from portal.ledger.rules.canonical import canonicalize

DOMAIN = b"bailiwick/action/v1\x00"

# What a shell call does is its command, where it runs, and whether it stays behind. Its description and
# timeout are the agent's own words about it and change from one try to the next, so they are shown but
# not bound.
_BOUND = {"Bash": ("command", "run_in_background")}


def bound_arguments(tool: str, tool_input: Mapping[str, Any], *, cwd: str) -> dict[str, Any]:
    """Everything that decides what the call does, JSON-safe: floats become decimal strings."""
    kept = _BOUND.get(tool)
    chosen = tool_input if kept is None else {key: tool_input[key] for key in kept if key in tool_input}
    return {"tool": tool, "cwd": cwd, "input": _safe(chosen)}


def digest(
    *, agent_id: UUID, action: str, resource: str, arguments: Mapping[str, Any], revision_id: UUID | None, epoch: int
) -> bytes:
    """SHA-256 over a domain tag and the RFC 8785 bytes of what is approved and what it rests on."""
    bound = {
        "agent": str(agent_id),
        "action": action,
        "resource": resource,
        "arguments": arguments,
        "revision": None if revision_id is None else str(revision_id),
        "epoch": epoch,
    }
    return hashlib.sha256(DOMAIN + canonicalize(bound)).digest()


def _safe(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(item) for item in value]
    return value
