"""What happens to exceptions, and what became of canaries, as entries of the ledger."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class ExceptionAsked(Event):
    """Somebody wants a gate to stand open. ``kind`` is exception or break_glass; ``owner`` answers for the debt."""

    TYPE = "approvals.exception.asked"
    PERSONAL: ClassVar = frozenset({"reason"})

    exception: int
    kind: str
    actions: list[str]
    repository: str
    environment: str
    minutes: int
    owner: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExceptionGranted(Event):
    """Another person opened the gate until ``ends_at``; somebody must have looked at its use by ``review_due_at``."""

    TYPE = "approvals.exception.granted"
    PERSONAL: ClassVar = frozenset({"reason"})

    exception: int
    kind: str
    actions: list[str]
    repository: str
    environment: str
    ends_at: str
    review_due_at: str
    epoch: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExceptionRefused(Event):
    TYPE = "approvals.exception.refused"
    PERSONAL: ClassVar = frozenset({"reason"})

    exception: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExceptionWithdrawn(Event):
    """Whoever asked took it back before anybody decided."""

    TYPE = "approvals.exception.withdrawn"

    exception: int


@dataclass(frozen=True, kw_only=True)
class ExceptionRevoked(Event):
    """The gate is shut again before its time; its debt stays until somebody else closes it."""

    TYPE = "approvals.exception.revoked"
    PERSONAL: ClassVar = frozenset({"reason"})

    exception: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExceptionOverdue(Event):
    """Nobody looked at its use in time: from here on the agent's tiers are one stricter until somebody else closes it.

    The check goes by the due date itself; this entry is the alert, written by the next sweep.
    """

    TYPE = "approvals.exception.overdue"

    exception: int
    review_due_at: str


@dataclass(frozen=True, kw_only=True)
class ExceptionClosed(Event):
    """Somebody else looked at what it was used for. ``late``: after the due date; the agent was demoted."""

    TYPE = "approvals.exception.closed"
    PERSONAL: ClassVar = frozenset({"note"})

    exception: int
    uses: int
    late: bool
    note: str


@dataclass(frozen=True, kw_only=True)
class CanarySettled(Event):
    """What became of a planted request: caught (denied or sent back), missed (approved) or lapsed (not decided)."""

    TYPE = "approvals.canary.settled"

    request: int
    template: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class AgentCooledDown(Event):
    """An agent opened more requests in ten minutes than the rulebook allows, and opens none until ``until``."""

    TYPE = "approvals.agent.cooled_down"

    opened: int
    most: int
    until: str
