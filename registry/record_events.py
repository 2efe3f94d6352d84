"""What happens to an agent's record: its profile, owners, papers and findings, as entries of the ledger."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class AgentChanged(Event):
    """What is said about a registered agent changed. The texts are people's words, so they are committed."""

    TYPE = "registry.agent.changed"
    PERSONAL: ClassVar = frozenset({"before", "after", "reason"})

    fields: list[str]
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str


@dataclass(frozen=True, kw_only=True)
class OwnershipChanged(Event):
    """From now on these answer for what the agent does. ``transfer`` is the accepted offer, if it was one."""

    TYPE = "registry.agent.ownership_changed"
    PERSONAL: ClassVar = frozenset({"reason"})

    team: UUID
    team_name: str
    accountable_person: UUID
    deputy: UUID | None
    team_before: UUID
    accountable_before: UUID
    deputy_before: UUID | None
    transfer: UUID | None = None
    reason: str


@dataclass(frozen=True, kw_only=True)
class TransferOffered(Event):
    TYPE = "registry.transfer.offered"
    PERSONAL: ClassVar = frozenset({"reason"})

    transfer: UUID
    from_team: UUID
    to_team: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class TransferAnswered(Event):
    """An offer ended: accepted, declined or withdrawn."""

    TYPE = "registry.transfer.answered"
    PERSONAL: ClassVar = frozenset({"reason"})

    transfer: UUID
    answer: str
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class DocumentAdded(Event):
    """A version of a paper was attached; ``sha256`` is over its bytes, which stay in the portal."""

    TYPE = "registry.document.added"
    PERSONAL: ClassVar = frozenset({"file_name"})

    document: UUID
    kind: str
    name: str
    version: int
    size: int
    sha256: str
    expires_on: str | None
    file_name: str


@dataclass(frozen=True, kw_only=True)
class FindingNoticed(Event):
    """Something needs somebody. ``entry`` is the ledger entry that shows it, where there is one."""

    TYPE = "registry.finding.noticed"
    PERSONAL: ClassVar = frozenset({"sentence"})

    finding: UUID
    kind: str
    key: str
    team: UUID | None
    order: int | None
    entry: UUID | None
    caused_by: UUID | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class FindingClosed(Event):
    TYPE = "registry.finding.closed"
    PERSONAL: ClassVar = frozenset({"reason"})

    finding: UUID
    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PolicyFileSeen(Event):
    """A repository's committed policy file was reported; whether it agrees is read off, not stored."""

    TYPE = "registry.policy_file.seen"

    sighting: UUID
    repository: str
    path: str
    commit: str
    readable: bool
