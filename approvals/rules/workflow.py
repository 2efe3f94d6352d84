"""The states of an approval request and of a grant, and the moves between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class RequestState(StrEnum):
    """Where a request is. Every state but pending and approved is final."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"
    RETURNED = "returned"  # changes were asked for
    REPLACED = "replaced"  # a reviewer edited it; another request took its place


class GrantState(StrEnum):
    """Where a grant is. It is used once or not at all."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    VOIDED = "voided"


class Verdict(StrEnum):
    """What one person said."""

    APPROVE = "approve"
    DENY = "deny"
    CHANGES = "changes"
    RETRACT = "retract"  # takes back what the same person said before


class GrantOutcome(StrEnum):
    """What became of an action that was let through. UNKNOWN: whoever carried it out never said."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


# An approved request can still be voided (the world changed before its grant was used); nothing else comes back.
TRANSITIONS: Mapping[RequestState, frozenset[RequestState]] = MappingProxyType(
    {
        RequestState.PENDING: frozenset(RequestState) - {RequestState.PENDING},
        RequestState.APPROVED: frozenset({RequestState.VOIDED}),
        RequestState.DENIED: frozenset(),
        RequestState.EXPIRED: frozenset(),
        RequestState.WITHDRAWN: frozenset(),
        RequestState.VOIDED: frozenset(),
        RequestState.RETURNED: frozenset(),
        RequestState.REPLACED: frozenset(),
    }
)
GRANT_TRANSITIONS: Mapping[GrantState, frozenset[GrantState]] = MappingProxyType(
    {
        GrantState.ISSUED: frozenset({GrantState.REDEEMED, GrantState.EXPIRED, GrantState.VOIDED}),
        GrantState.REDEEMED: frozenset(),
        GrantState.EXPIRED: frozenset(),
        GrantState.VOIDED: frozenset(),
    }
)


class IllegalTransition(Exception):
    """A move that the table does not have. Carries ``current`` and ``target``."""

    def __init__(self, current: StrEnum, target: StrEnum) -> None:
        super().__init__(f"What is {current.value} cannot become {target.value}.")
        self.current = current
        self.target = target


def advance(current: RequestState, target: RequestState) -> RequestState:
    """Return ``target`` when the move is in the table, or raise ``IllegalTransition``."""
    if target not in TRANSITIONS[current]:
        raise IllegalTransition(current, target)
    return target


def advance_grant(current: GrantState, target: GrantState) -> GrantState:
    """Return ``target`` when the move is in the table, or raise ``IllegalTransition``."""
    if target not in GRANT_TRANSITIONS[current]:
        raise IllegalTransition(current, target)
    return target


@dataclass(frozen=True, slots=True)
class ReviewFact:
    """One review that counts: the natural person, what they said last, and the group it counts for."""

    human: UUID
    verdict: Verdict
    capacity: str = "team"


def due(state: RequestState, *, expires_at: datetime, now: datetime) -> RequestState:
    """Return EXPIRED for a pending request whose time has come, to the microsecond; silence never approves."""
    return RequestState.EXPIRED if state is RequestState.PENDING and now >= expires_at else state


def grant_usable(state: GrantState, *, expires_at: datetime, now: datetime) -> bool:
    """Return whether a grant can be redeemed at ``now``; at the very moment of its expiry it cannot."""
    return state is GrantState.ISSUED and now < expires_at
