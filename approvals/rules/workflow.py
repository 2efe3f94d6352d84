"""The life of a request and of a grant: states, edges, and how reviews resolve a request. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class RequestVerb(StrEnum):
    """What ends a request: people (approve, deny), the requester, the clock, or a changed world."""

    APPROVE = "approve"
    DENY = "deny"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    VOID = "void"


class GrantState(StrEnum):
    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    VOIDED = "voided"


class Verdict(StrEnum):
    APPROVE = "approve"
    DENY = "deny"


class IllegalMove(Exception):
    """A verb was used on a request that has ended. Carries ``state`` and ``verb``."""

    def __init__(self, state: RequestState, verb: RequestVerb) -> None:
        super().__init__(f"A request that is {state.value} cannot take the step “{verb.value}”.")
        self.state = state
        self.verb = verb


# Pending is the only state with a way out: approved, denied, expired, withdrawn and voided are final.
TRANSITIONS: Mapping[tuple[RequestState, RequestVerb], RequestState] = MappingProxyType(
    {
        (RequestState.PENDING, RequestVerb.APPROVE): RequestState.APPROVED,
        (RequestState.PENDING, RequestVerb.DENY): RequestState.DENIED,
        (RequestState.PENDING, RequestVerb.EXPIRE): RequestState.EXPIRED,
        (RequestState.PENDING, RequestVerb.WITHDRAW): RequestState.WITHDRAWN,
        (RequestState.PENDING, RequestVerb.VOID): RequestState.VOIDED,
    }
)


def advance(state: RequestState, verb: RequestVerb) -> RequestState:
    """The state that ``verb`` leads to; raises ``IllegalMove`` for an edge that does not exist."""
    try:
        return TRANSITIONS[state, verb]
    except KeyError:
        raise IllegalMove(state, verb) from None


def resolve(verdicts: Sequence[Verdict], *, quorum: int) -> RequestState | None:
    """What the verdicts amount to; None while more are needed. One denial settles it; time never approves.

    Raises ValueError for a quorum below one: a request that needs nobody cannot exist.
    """
    if quorum < 1:
        raise ValueError("A quorum is at least one person.")
    if Verdict.DENY in verdicts:
        return RequestState.DENIED
    approvals = sum(1 for verdict in verdicts if verdict is Verdict.APPROVE)
    return RequestState.APPROVED if approvals >= quorum else None
