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
    deputy: UUID | None = None


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
    taken_along: dict[str, int] | None = None  # what ended with it, counted: credentials, trusts, proposals …


@dataclass(frozen=True, kw_only=True)
class CredentialIssued(Event):
    """Version 2 adds ``kind`` and ``scope``, the restriction that narrows it; in version 1 all were issued, whole."""

    TYPE = "registry.credential.issued"
    VERSION = 2

    credential: UUID
    name: str
    prefix: str
    expires_at: str
    kind: str = "issued"
    scope: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CredentialRevoked(Event):
    TYPE = "registry.credential.revoked"

    credential: UUID
    name: str
    prefix: str


@dataclass(frozen=True, kw_only=True)
class CredentialRotated(Event):
    """``credential`` replaces ``replaced``, which ends at ``replaced_ends_at`` (its own end, if that was earlier)."""

    TYPE = "registry.credential.rotated"

    credential: UUID
    name: str
    prefix: str
    expires_at: str
    scope: dict[str, Any]
    replaced: UUID
    replaced_prefix: str
    replaced_ends_at: str


@dataclass(frozen=True, kw_only=True)
class TrustAdded(Event):
    """Tokens of ``issuer`` with exactly these claims may be exchanged from now on."""

    TYPE = "registry.trust.added"
    PERSONAL: ClassVar = frozenset({"personal_claims"})

    trust: UUID
    name: str
    issuer: str
    audience: str
    claims: dict[str, str]
    personal_claims: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class TrustRevoked(Event):
    TYPE = "registry.trust.revoked"

    trust: UUID
    name: str
    issuer: str


@dataclass(frozen=True, kw_only=True)
class TokenExchanged(Event):
    """An outside token became a credential of some minutes. ``token`` is what the token is remembered by."""

    TYPE = "registry.token.exchanged"
    PERSONAL: ClassVar = frozenset({"personal_claims"})

    trust: UUID
    issuer: str
    credential: UUID
    prefix: str
    expires_at: str
    scope: dict[str, Any]
    token: str
    claims: dict[str, str]
    personal_claims: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ExchangeRefused(Event):
    """A token of an issuer that the agent trusts was refused. ``differing`` names claims that were not as required.

    ``verified`` is whether the issuer signed it: the claims of any other are what a stranger wrote, and not kept.
    """

    TYPE = "registry.token.refused"
    PERSONAL: ClassVar = frozenset({"personal_claims"})

    trust: UUID | None
    issuer: str
    reason: str
    verified: bool
    differing: list[str]
    claims: dict[str, str]
    personal_claims: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class KillOrdered(Event):
    """A stop is in force for the scope; grants and leases of earlier epochs are dead.

    ``worst_seconds`` is the stop time that was promised, null when none could be. ``roles`` are the orderer's.
    ``late`` is true when the entry could not be written with the stop and was written afterwards; ``occurred_at``
    of the entry is then the stop's own time. Entries of version 1 end with ``reason``.
    """

    TYPE = "registry.kill.ordered"
    VERSION = 2
    PERSONAL: ClassVar = frozenset({"reason"})

    order: int
    kind: str
    key: str
    label: str
    epoch: int
    worst_seconds: int | None = None
    worst_because: str = ""
    roles: list[str] = field(default_factory=list)
    credentials_revoked: int = 0
    late: bool = False
    reason: str


@dataclass(frozen=True, kw_only=True)
class StopAcknowledged(Event):
    """An enforcement point has heard of a stop, or its lease ended without a word (``by_expiry``)."""

    TYPE = "registry.kill.acknowledged"
    PERSONAL: ClassVar = frozenset({"point"})

    order: int
    key: str
    epoch: int
    point_id: UUID
    point_kind: str
    by_expiry: bool
    lease_expires_at: str
    after_ms: int
    point: str


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
    still_out: int = 0  # points that held a lease and had not heard of the stop when it ended


@dataclass(frozen=True, kw_only=True)
class CampaignOpened(Event):
    """A team's agents are looked at again, entry by entry, until a date."""

    TYPE = "registry.recertification.opened"

    campaign: int
    team: UUID
    team_name: str
    due_on: str
    agents: list[UUID]
    items: int


@dataclass(frozen=True, kw_only=True)
class CampaignItemDecided(Event):
    """One entry was kept or removed, with its use as it was shown; ``used`` is None when it was not counted."""

    TYPE = "registry.recertification.decided"
    PERSONAL: ClassVar = frozenset({"reason"})

    campaign: int
    pointer: str
    entry: str
    verdict: str
    used: int | None
    last_used_at: str | None
    revision: int
    late: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class CampaignClosed(Event):
    """Every entry was decided, the date passed, or security cancelled it. ``suspended`` names agents by id."""

    TYPE = "registry.recertification.closed"
    PERSONAL: ClassVar = frozenset({"reason"})

    campaign: int
    team: UUID
    state: str
    kept: int
    removed: int
    undecided: int
    suspended: list[UUID]
    reason: str | None
