"""What counts as work that went on although it was stopped, and how it is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

CHECK: Final = "approvals.check.decided"
EVENT: Final = "reports.event.recorded"
# An allow that was decided just before the order's commit may bear a time just after the order was begun.
COMMITTING: Final = timedelta(seconds=1)
# What is said in a session and about it. An agent that is refused says so, and its session ends: that is talk, not
# work. Everything else that is reported counts, also names that nobody knows.
TALK: Final = frozenset(
    """
    UserPromptSubmit user_prompt SessionStart session_start conversation_starts SessionEnd session_end Stop
    SubagentStop StopFailure Notification PermissionDenied PermissionRequest permission_request PreToolUse BeforeTool
    tool_use tool_decision assistant_response assistant_text assistant_thinking api_request api_response api_error
    usage interrupted permission_mode_changed PreCompact summary hook_execution_start hook_execution_complete
    hook_registered
    """.split()
)


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One entry that may show work: when its source says it happened, and when the portal heard of it."""

    type: str
    name: str
    tool: str
    outcome: str
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, *, type: str, data: Mapping[str, Any], occurred_at: datetime, recorded_at: datetime) -> "Sign":  # noqa: A002
        return cls(
            type=type,
            name=str(data.get("name") or ""),
            tool=str(data.get("tool") or ""),
            outcome=str(data.get("outcome") or ""),
            occurred_at=occurred_at,
            recorded_at=recorded_at,
        )

    @property
    def is_work(self) -> bool:
        """Whether something ran: an allowed check, or a report of anything but talk and refusals."""
        if self.type == CHECK:
            return self.outcome == "allow"
        return self.name not in TALK and self.outcome != "denied"

    @property
    def ahead(self) -> timedelta:
        """How far the source's clock is ahead of the portal's, at the least: nothing arrives before it happened."""
        return max(timedelta(0), self.occurred_at - self.recorded_at)


def is_after(sign: Sign, *, ordered_at: datetime, resumed_at: datetime | None) -> bool:
    """Return whether the work lies within the stop. What happened before and arrived late does not.

    Both times must lie after the order: a time that is later than its own arrival comes from a clock that is ahead.
    """
    began = ordered_at + COMMITTING if sign.type == CHECK else ordered_at
    if min(sign.occurred_at, sign.recorded_at) <= began:
        return False
    return resumed_at is None or min(sign.occurred_at, sign.recorded_at) < resumed_at


def sentence(sign: Sign, *, agent: str, order: int, ordered_at: datetime) -> str:
    """Return what was noticed, for people, with whose clock says so."""
    since = f"although stop {order} was in force since {_clock(ordered_at)}"
    if sign.type == CHECK:
        return f"{agent} was allowed to use {sign.tool} at {_clock(sign.recorded_at)} {since}. This must not happen."
    what = f"“{sign.name}”" + (f" of {sign.tool}" if sign.tool else "")
    said = f"{agent} reported {what} at {_clock(sign.occurred_at)} {since}. "
    if sign.occurred_at == sign.recorded_at:
        return said + "It gave no time of its own; this is when the portal received it."
    said += f"It was received at {_clock(sign.recorded_at)}; the first time is by the sender's own clock"
    if not sign.ahead:
        return said + "."
    return said + f", which is at least {sign.ahead.total_seconds():.1f} s ahead of the portal's."


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"
