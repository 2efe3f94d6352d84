"""What is asked and decided, as entries of the ledger."""

from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class CheckDecided(Event):
    """An agent asked; this was answered. ``request`` is the number of the approval request, if any.

    Version 2 adds what stands last among the fields in clear: ``levels`` names the level of policy of each of
    ``rules``, ``observed`` the rules that are only watched, ``stated`` what the enforcement point said of model,
    provider, host id, credential kind, size and head commit, as far as it did. Entries of version 1 do not have them.
    """

    TYPE = "approvals.check.decided"
    VERSION = 2
    PERSONAL: ClassVar = frozenset({"resource", "arguments", "sentence", "initiator"})

    credential: UUID
    session: str | None = None
    tool: str
    tool_use_id: str | None
    actions: list[str]
    outcome: str
    tier: str
    rules: list[str]
    revision: int | None
    policy_digest: str | None
    epoch: int
    repository: str | None
    branch: str | None
    environment: str | None
    task: str | None
    understood: bool
    request: int | None
    levels: list[str | None] = field(default_factory=list)
    observed: list[str] = field(default_factory=list)
    fingerprint: str | None = None
    organisation_revision: int | None = None
    team_revision: int | None = None
    stated: dict[str, Any] = field(default_factory=dict)
    resource: str
    arguments: dict[str, Any]
    sentence: str
    initiator: str | None

    def data(self) -> dict[str, Any]:
        """The fields in clear; written out because this is the one event that an agent waits for."""
        return {
            "credential": str(self.credential),
            "session": self.session,
            "tool": self.tool,
            "tool_use_id": self.tool_use_id,
            "actions": self.actions,
            "outcome": self.outcome,
            "tier": self.tier,
            "rules": self.rules,
            "revision": self.revision,
            "policy_digest": self.policy_digest,
            "epoch": self.epoch,
            "repository": self.repository,
            "branch": self.branch,
            "environment": self.environment,
            "task": self.task,
            "understood": self.understood,
            "request": self.request,
            "levels": self.levels,
            "observed": self.observed,
            "fingerprint": self.fingerprint,
            "organisation_revision": self.organisation_revision,
            "team_revision": self.team_revision,
            "stated": self.stated,
        }

    def personal(self) -> dict[str, Any]:
        """What goes in as commitments; ``arguments`` are JSON as they came, so nothing has to be made safe."""
        said = {"arguments": self.arguments, "resource": self.resource, "sentence": self.sentence}
        return said if self.initiator is None else {**said, "initiator": self.initiator}


@dataclass(frozen=True, kw_only=True)
class RequestOpened(Event):
    """A gated action waits for people. ``view`` is the sealed view: exactly what every approver is shown.

    Version 2 adds what stands last among the fields in clear: who decides by which rulebook (``number`` 0 is the one
    that is built in) and which of its ``rules``, the risk with the points of each factor, the proof that is asked for,
    the commit, which request this one was edited from, and whether it is a canary: planted, behind it is no agent.
    Entries of version 1 do not have them.
    """

    TYPE = "approvals.request.opened"
    VERSION = 2
    PERSONAL: ClassVar = frozenset({"view", "initiator"})

    request: int
    action: str
    tool: str
    digest: str
    revision: int
    epoch: int
    quorum: int
    expires_at: str
    view_hash: str
    rulebook: int = 0
    rules: list[str] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)
    risk: int = 0
    factors: dict[str, int] = field(default_factory=dict)
    step_up: str = "none"
    grant_minutes: int | None = None
    head: str | None = None
    replaces: int | None = None
    canary: bool = False
    view: str
    initiator: str


@dataclass(frozen=True, kw_only=True)
class ReviewGiven(Event):
    """One person's verdict, on the view with this hash, with the authority they had at that moment.

    Verdicts are approve, deny, changes and retract. Version 2 adds what stands last among the fields in clear: of the
    person's verdicts on this request the ``turn`` that this one is (the last counts), the ``stage`` and group
    (``capacity``) that it counts for, whose right was used (``on_behalf_of``), for how long the page was in sight and
    whether all its folds were open, as the browser says, and the public parts of the passkey's signature over
    exactly this decision. Entries of version 1 do not have them.
    """

    TYPE = "approvals.review.given"
    VERSION = 2
    PERSONAL: ClassVar = frozenset({"reason"})

    request: int
    digest: str
    verdict: str
    view_hash: str
    authority: dict[str, Any]
    sign_in: list[str]
    shown_seconds: int | None
    turn: int = 1
    stage: int = 0
    capacity: str = ""
    on_behalf_of: UUID | None = None
    visible_seconds: int | None = None
    unfolded: bool | None = None
    assertion: dict[str, Any] | None = None
    reason: str


@dataclass(frozen=True, kw_only=True)
class VerdictRefused(Event):
    """Somebody tried to decide a request, and ``rule`` refused it: a part in it, no right, or a proof that is missing.

    Nothing else changed. The first try of each person by each rule is entered.
    """

    TYPE = "approvals.verdict.refused"

    request: int
    digest: str
    verdict: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class CommentMade(Event):
    """Somebody said something about a request, beside any verdict."""

    TYPE = "approvals.comment.made"
    PERSONAL: ClassVar = frozenset({"text"})

    request: int
    comment: UUID
    text: str


@dataclass(frozen=True, kw_only=True)
class RequestEdited(Event):
    """A reviewer changed what was asked: ``replacement`` asks for the changed call and took the place of ``request``.

    ``difference`` is what the agent is told, whole.
    """

    TYPE = "approvals.request.edited"
    PERSONAL: ClassVar = frozenset({"difference", "reason"})

    request: int
    digest: str
    replacement: int
    replacement_digest: str
    difference: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RequestResolved(Event):
    """The request reached its final state: approved, denied, expired, withdrawn, voided,
    returned (changes were asked for) or replaced (edited).
    """

    TYPE = "approvals.request.resolved"

    request: int
    digest: str
    state: str
    because: str


@dataclass(frozen=True, kw_only=True)
class GrantIssued(Event):
    TYPE = "approvals.grant.issued"

    request: int
    grant: UUID
    digest: str
    epoch: int
    revision: int
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class GrantVoided(Event):
    """An unused grant was ended before its time, as when the approval was taken back."""

    TYPE = "approvals.grant.voided"

    request: int
    grant: UUID
    digest: str
    because: str


@dataclass(frozen=True, kw_only=True)
class GrantRedeemed(Event):
    """The exact action was let through, once. ``tool_use_id`` is the agent's own name of the call, if it gave one.

    Entries of version 1 do not have it.
    """

    TYPE = "approvals.grant.redeemed"
    VERSION = 2

    request: int
    grant: UUID
    digest: str
    tool_use_id: str = ""


@dataclass(frozen=True, kw_only=True)
class GrantExpired(Event):
    """Nobody used the grant in time."""

    TYPE = "approvals.grant.expired"

    request: int
    grant: UUID
    digest: str
    expired_at: str


@dataclass(frozen=True, kw_only=True)
class OutcomeRecorded(Event):
    """What became of an action that was let through, as its executor says; ``unknown`` when it never said.

    ``source`` is who said it: the executor itself (``executor``), its report of the same call (``report``), or the
    clock (``silence``).
    """

    TYPE = "approvals.grant.outcome"

    request: int
    grant: UUID
    digest: str
    outcome: str
    source: str


@dataclass(frozen=True, kw_only=True)
class HeadReported(Event):
    """An enforcement point said where a branch stands. ``voided`` are the requests that were for another commit."""

    TYPE = "approvals.head.reported"

    repository: str
    branch: str
    commit: str
    before: str | None
    voided: list[int]


@dataclass(frozen=True, kw_only=True)
class RequestEscalated(Event):
    """Much of the time has passed without a decision, so the next person in on-call order is told: ``to``.

    ``step`` counts from 1. ``instead_of`` is whoever is away and whom they stand in for.
    """

    TYPE = "approvals.request.escalated"

    request: int
    to: UUID
    step: int
    instead_of: UUID | None = None
