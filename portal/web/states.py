"""How each stored state looks: one word, one shape and one meaning of colour for every value the portal shows."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple


class Look(NamedTuple):
    """``meaning`` is free, gated, forbidden, stopped or neutral: the only colours the portal has."""

    word: str
    icon: str
    meaning: str


_DRAFT = Look("Draft", "circle-dashed", "neutral")
_EXPIRED = Look("Expired", "timer-off", "neutral")
_VOIDED = Look("Voided", "circle-slash", "neutral")

LOOKS: Final[Mapping[str, Mapping[str, Look]]] = {
    "tier": {
        "free": Look("Free", "circle-check", "free"),
        "gated": Look("Gated", "tier-gated", "gated"),
        "forbidden": Look("Forbidden", "octagon-x", "forbidden"),
    },
    "decision": {
        "allow": Look("Allowed", "circle-check", "free"),
        "review": Look("Sent for review", "tier-gated", "gated"),
        "deny": Look("Denied", "octagon-x", "forbidden"),
    },
    "agent": {
        "draft": _DRAFT,
        "active": Look("Active", "circle-check", "free"),
        "suspended": Look("Suspended", "circle-pause", "gated"),
        "retired": Look("Retired", "archive", "neutral"),
        "stopped": Look("Stopped", "stopped", "stopped"),
    },
    "request": {
        "pending": Look("Waiting", "hourglass", "gated"),
        "blocked": Look("Blocked", "users", "forbidden"),  # pending, and too few people are left
        "approved": Look("Approved", "circle-check", "free"),
        "denied": Look("Denied", "octagon-x", "forbidden"),
        "expired": _EXPIRED,
        "withdrawn": Look("Withdrawn", "undo-2", "neutral"),
        "voided": _VOIDED,
        "returned": Look("Sent back", "rotate-ccw", "gated"),
        "replaced": Look("Edited", "pencil", "neutral"),
    },
    "verdict": {
        "approve": Look("Approved", "circle-check", "free"),
        "deny": Look("Denied", "octagon-x", "forbidden"),
        "changes": Look("Sent back", "rotate-ccw", "gated"),
        "retract": Look("Taken back", "circle-slash", "neutral"),
    },
    "grant": {
        "issued": Look("Issued", "ticket", "free"),
        "redeemed": Look("Redeemed", "check", "neutral"),
        "expired": _EXPIRED,
        "voided": _VOIDED,
    },
    "risk": {
        "low": Look("Low risk", "circle-check", "neutral"),
        "elevated": Look("Elevated risk", "triangle-alert", "gated"),
        "high": Look("High risk", "octagon-x", "forbidden"),
    },
    "outcome": {
        "succeeded": Look("Succeeded", "circle-check", "free"),
        "failed": Look("Failed", "octagon-x", "forbidden"),
        "unknown": Look("Not reported", "circle-dashed", "neutral"),
    },
    "kill": {
        "active": Look("Stopped", "stopped", "stopped"),
        "resumed": Look("Resumed", "play", "free"),
        "stopping": Look("Stopping", "loader", "stopped"),
        "stopped": Look("Stopped", "stopped", "stopped"),
    },
    "drill": {
        "waiting": Look("Waiting", "hourglass", "gated"),
        "running": Look("Running", "loader", "stopped"),
        "passed": Look("Passed", "circle-check", "free"),
        "failed": Look("Failed", "octagon-x", "forbidden"),
        "cancelled": Look("Without a result", "circle-slash", "neutral"),
    },
    "run": {
        "running": Look("Running", "loader", "neutral"),
        "success": Look("Succeeded", "circle-check", "free"),
        "failure": Look("Failed", "octagon-x", "forbidden"),
        "denied": Look("Denied", "octagon-x", "forbidden"),
        "silent": Look("Gone silent", "circle-dashed", "gated"),
        "unknown": Look("Not reported", "circle-dashed", "neutral"),
    },
    "package": {
        "queued": Look("Queued", "clock", "neutral"),
        "building": Look("Building", "loader", "neutral"),
        "ready": Look("Ready", "circle-check", "free"),
        "failed": Look("Failed", "octagon-x", "forbidden"),
        "cancelled": Look("Cancelled", "circle-slash", "neutral"),
    },
    "exception": {
        "asked": Look("Asked", "hourglass", "gated"),
        "lapsed": Look("Not decided", "timer-off", "neutral"),
        "open": Look("Open now", "play", "free"),
        "ended": Look("To be looked at", "clock", "gated"),
        "overdue": Look("Overdue", "triangle-alert", "forbidden"),
        "closed": Look("Closed", "check", "neutral"),
        "refused": Look("Refused", "octagon-x", "forbidden"),
        "withdrawn": Look("Withdrawn", "undo-2", "neutral"),
    },
    "canary": {
        "caught": Look("Caught", "circle-check", "free"),
        "missed": Look("Approved", "triangle-alert", "gated"),
        "lapsed": Look("Not decided", "timer-off", "neutral"),
    },
    "delivery": {
        "waiting": Look("Waiting", "hourglass", "neutral"),
        "sent": Look("Sent", "check", "free"),
        "dead": Look("Given up", "octagon-x", "forbidden"),
        "dropped": Look("Dropped", "circle-slash", "neutral"),
    },
    "proposal": {
        "open": Look("Waiting", "hourglass", "gated"),
        "approved": Look("Approved", "circle-check", "free"),
        "refused": Look("Refused", "octagon-x", "forbidden"),
        "withdrawn": Look("Withdrawn", "undo-2", "neutral"),
        "overtaken": Look("Overtaken", "circle-slash", "neutral"),
    },
    "rulebook": {
        "open": Look("Waiting", "hourglass", "gated"),
        "agreed": Look("Agreed", "circle-check", "free"),
        "refused": Look("Refused", "octagon-x", "forbidden"),
        "withdrawn": Look("Withdrawn", "undo-2", "neutral"),
        "overtaken": Look("Overtaken", "circle-slash", "neutral"),
    },
    "rulebook-change": {
        "stricter": Look("Stricter", "arrow-down", "free"),
        "looser": Look("Looser", "arrow-up", "gated"),
        "other": Look("Changed", "arrow-right", "neutral"),
    },
    "direction": {
        "widened": Look("Wider", "arrow-up", "gated"),
        "tightened": Look("Tighter", "arrow-down", "free"),
        "unchanged": Look("As before", "arrow-right", "neutral"),
    },
    "completeness": {
        "complete": Look("Complete", "shield-check", "free"),
        "complete-with-exceptions": Look("Complete with exceptions", "tier-gated", "gated"),
        "incomplete": Look("Incomplete", "octagon-x", "forbidden"),
    },
    "credential": {
        "valid": Look("Valid", "circle-check", "free"),
        "expired": _EXPIRED,
        "revoked": Look("Revoked", "circle-slash", "forbidden"),
    },
    "use": {"never": Look("Never needed", "circle-dashed", "gated")},
    "campaign": {
        "open": Look("Open", "hourglass", "neutral"),
        "soon": Look("Due soon", "clock", "gated"),
        "overdue": Look("Overdue", "timer-off", "forbidden"),
        "done": Look("Done", "circle-check", "free"),
        "missed": Look("Missed", "octagon-x", "forbidden"),
        "cancelled": Look("Cancelled", "circle-slash", "neutral"),
    },
    "review": {
        "open": Look("Undecided", "hourglass", "gated"),
        "kept": Look("Kept", "check", "free"),
        "removed": Look("Removed", "circle-slash", "neutral"),
        "gone": Look("No longer granted", "circle-dashed", "neutral"),
        "left": Look("Left the team", "archive", "neutral"),
    },
    "backtest": {
        "queued": Look("Queued", "clock", "neutral"),
        "running": Look("Running", "loader", "neutral"),
        "done": Look("Done", "circle-check", "free"),
        "failed": Look("Failed", "octagon-x", "forbidden"),
        "cancelled": Look("Cancelled", "circle-slash", "neutral"),
        "lost": Look("Ended early", "timer-off", "forbidden"),
    },
    "change": {
        "allowed": Look("Newly allowed", "circle-check", "free"),
        "gated": Look("Newly gated", "tier-gated", "gated"),
        "refused": Look("Newly refused", "octagon-x", "forbidden"),
    },
    "criticality": {
        "low": Look("Low", "arrow-down", "neutral"),
        "medium": Look("Medium", "arrow-right", "neutral"),
        "high": Look("High", "arrow-up", "neutral"),
    },
}


def look(kind: str, value: object) -> Look:
    """The look of ``value`` among the states of ``kind``; an unknown value is shown as it is, without colour."""
    raw = str(value.value if isinstance(value, Enum) else value)
    known = LOOKS.get(kind, {}).get(raw.replace("_", "-").replace(" ", "-").lower())
    return known or Look(raw.replace("_", " ").capitalize() or "Unknown", "circle-dashed", "neutral")
