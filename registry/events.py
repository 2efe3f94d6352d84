"""What happens to agents, policies, credentials and stops, as entries of the ledger."""

from dataclasses import dataclass, field
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
    PERSONAL: ClassVar = frozenset({"reason"})

    revision: int
    revision_id: UUID
    digest: str
    document: dict[str, Any]
    widened: bool
    level: str = "agent"
    team: UUID | None = None
    approved_by: UUID | None = None  # the second person of a widening
    proposal: int | None = None
    switched: list[str] = field(default_factory=list)  # rules whose mode changed, in words
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyProposed(Event):
    """A widening waits for a second person. Nothing of it is in force."""

    TYPE = "registry.policy.proposed"
    PERSONAL: ClassVar = frozenset({"reason"})

    proposal: int
    proposal_id: UUID
    level: str
    team: UUID | None
    based_on: int
    digest: str
    document: dict[str, Any]
    widens: list[str]
    reason: str


@dataclass(frozen=True, kw_only=True)
class PolicyBacktested(Event):
    """What the proposal would have changed over the recorded checks; ``seal`` is what an approval binds."""

    TYPE = "registry.policy.backtested"

    proposal: int
    seal: str
    checks: int
    counts: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ProposalDecided(Event):
    """A proposal has ended: approved, refused, withdrawn or overtaken. ``seal`` is what the person saw."""

    TYPE = "registry.policy.decided"
    PERSONAL: ClassVar = frozenset({"reason"})

    proposal: int
    state: str
    level: str
    team: UUID | None
    author: UUID
    seal: str | None
    sign_in: list[str]
    reason: str


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
