"""Who decides for whom, and from when to when, as entries of the ledger."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class DelegationMade(Event):
    """``giver`` is away; ``receiver``, if anybody, decides in their right meanwhile. The actor may be a manager.

    Why somebody is away is personal: it can be an illness.
    """

    TYPE = "approvals.delegation.made"
    PERSONAL: ClassVar = frozenset({"reason"})

    delegation: UUID
    giver: UUID
    receiver: UUID | None
    starts_at: str
    ends_at: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DelegationEnded(Event):
    """It was ended before its time; approvals given under it that were not used yet count no more."""

    TYPE = "approvals.delegation.ended"

    delegation: UUID
    giver: UUID
    receiver: UUID | None
