"""Channels, what people chose to be told, and what was sent again, as entries of the ledger."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class ChannelAdded(Event):
    """A place outside is told from now on: of a team's requests, of everybody's, or of an agent's own."""

    TYPE = "approvals.channel.added"
    PERSONAL: ClassVar = frozenset({"name", "shown"})

    channel: UUID
    kind: str
    team: UUID | None
    name: str
    shown: str


@dataclass(frozen=True, kw_only=True)
class ChannelChanged(Event):
    """``new_secret``: what is sent is signed with another secret from now on."""

    TYPE = "approvals.channel.changed"
    PERSONAL: ClassVar = frozenset({"name", "shown"})

    channel: UUID
    new_secret: bool
    name: str
    shown: str


@dataclass(frozen=True, kw_only=True)
class ChannelEnded(Event):
    TYPE = "approvals.channel.ended"

    channel: UUID
    dropped: int


@dataclass(frozen=True, kw_only=True)
class NoticesChosen(Event):
    """How somebody wants to be told by e-mail; ``kinds`` None: of everything."""

    TYPE = "approvals.notices.chosen"
    PERSONAL: ClassVar = frozenset({"quiet_from", "quiet_to", "timezone", "digest"})

    kinds: list[str] | None
    quiet_from: str | None
    quiet_to: str | None
    timezone: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class DeliveriesReplayed(Event):
    """Messages that had been given up are tried again."""

    TYPE = "approvals.delivery.replayed"

    deliveries: list[UUID]
