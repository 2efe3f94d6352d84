"""The life of an audit package and the verdict on its evidence. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class PackageState(StrEnum):
    QUEUED = "queued"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PackageVerb(StrEnum):
    CLAIM = "claim"
    FINISH = "finish"
    FAIL = "fail"
    REQUEUE = "requeue"
    CANCEL = "cancel"


class PackageScope(StrEnum):
    ALL = "all"
    TEAM = "team"
    AGENT = "agent"


class PackageVerdict(StrEnum):
    COMPLETE = "complete"
    EXCEPTIONS = "complete with exceptions"
    INCOMPLETE = "incomplete"


TRANSITIONS: Mapping[tuple[PackageState, PackageVerb], PackageState] = MappingProxyType(
    {
        (PackageState.QUEUED, PackageVerb.CLAIM): PackageState.BUILDING,
        (PackageState.QUEUED, PackageVerb.CANCEL): PackageState.CANCELLED,
        (PackageState.QUEUED, PackageVerb.FAIL): PackageState.FAILED,
        (PackageState.BUILDING, PackageVerb.FINISH): PackageState.READY,
        (PackageState.BUILDING, PackageVerb.FAIL): PackageState.FAILED,
        (PackageState.BUILDING, PackageVerb.REQUEUE): PackageState.QUEUED,
        (PackageState.BUILDING, PackageVerb.CANCEL): PackageState.CANCELLED,
    }
)

MOST_ATTEMPTS = 3


class IllegalMove(Exception):
    """A verb was used in a state that does not have it."""

    def __init__(self, state: PackageState, verb: PackageVerb) -> None:
        super().__init__(f"A package that is {state.value} cannot take the step “{verb.value}”.")


def advance(state: PackageState, verb: PackageVerb) -> PackageState:
    """The state that ``verb`` leads to; raises ``IllegalMove`` for an edge that does not exist."""
    try:
        return TRANSITIONS[state, verb]
    except KeyError:
        raise IllegalMove(state, verb) from None
