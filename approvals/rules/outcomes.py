"""Which reports of a call say how it ended."""

from types import MappingProxyType
from typing import Final

from approvals.rules.workflow import GrantOutcome

# As agents name what they report after a call; what they report before one says nothing of its end.
_AFTER: Final = frozenset(
    {
        "PostToolUse",
        "PostToolUseFailure",
        "AfterTool",
        "AfterShellExecution",
        "AfterMCPExecution",
        "tool_result",
        "tool_call",
    }
)
# An interrupted call may have done half of its work; that it did not end well is all that is known. A denied one
# was refused on the agent's machine after it was allowed here.
_ENDED: Final = MappingProxyType(
    {
        "ok": GrantOutcome.SUCCEEDED,
        "error": GrantOutcome.FAILED,
        "interrupted": GrantOutcome.FAILED,
        "denied": GrantOutcome.FAILED,
    }
)


def outcome_of(name: str | None, outcome: str | None) -> GrantOutcome | None:
    """What a report's name and outcome say of the call's end; None when they do not say that it has ended."""
    if name not in _AFTER or outcome is None:
        return None
    return _ENDED.get(outcome)
