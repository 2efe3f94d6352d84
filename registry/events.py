"""What happens to agents, policies, credentials and stops, as entries of the ledger."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class AgentRegistered(Event):
    """An agent may act from now on, under the revision named."""

    TYPE = "registry.agent.registered"

    name: str
    platform: str
    trigger: str
    human_position: str
    criticality: str
    team: UUID
    team_name: str
    accountable_person: UUID
    revision: int
    policy_digest: str


@dataclass(frozen=True, kw_only=True)
class PolicyRevised(Event):
    """A new revision is in force. The document stands in clear: it is configuration, not a person's."""

    TYPE = "registry.policy.revised"

    revision: int
    revision_id: UUID
    digest: str
    document: dict[str, Any]
    widened: bool


@dataclass(frozen=True, kw_only=True)
class AgentMoved(Event):
    """The agent's state changed."""

    TYPE = "registry.agent.moved"
    PERSONAL: ClassVar = frozenset({"reason"})

    before: str
    after: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CredentialIssued(Event):
    TYPE = "registry.credential.issued"

    credential: UUID
    name: str
    prefix: str
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class CredentialRevoked(Event):
    TYPE = "registry.credential.revoked"

    credential: UUID
    name: str
    prefix: str


@dataclass(frozen=True, kw_only=True)
class KillOrdered(Event):
    """A stop is in force for the scope; grants and leases of earlier epochs are dead."""

    TYPE = "registry.kill.ordered"
    PERSONAL: ClassVar = frozenset({"reason"})

    order: int
    kind: str
    key: str
    label: str
    epoch: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ResumeAgreed(Event):
    TYPE = "registry.kill.resume_agreed"
    PERSONAL: ClassVar = frozenset({"reason"})

    order: int
    key: str
    agreed: int
    needed: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class KillResumed(Event):
    """The stop has ended: enough people agreed."""

    TYPE = "registry.kill.resumed"

    order: int
    kind: str
    key: str
    label: str
    epoch: int
    agreed_by: list[str]
