"""What becomes of the rulebook, as entries of the ledger."""

from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class RulebookProposed(Event):
    """Somebody wrote another rulebook. Nothing of it is in force. ``based_on`` 0 is the one that is built in."""

    TYPE = "approvals.rulebook.proposed"
    PERSONAL: ClassVar = frozenset({"reason"})

    proposal: int
    proposal_id: UUID
    based_on: int
    digest: str
    document: dict[str, Any]
    looser: list[str]
    reason: str


@dataclass(frozen=True, kw_only=True)
class RulebookAgreed(Event):
    """A second person agreed: from here on this rulebook counts, whole as it stands here.

    ``voided`` are the requests that ended with it, because another decision would now be asked of them.
    """

    TYPE = "approvals.rulebook.agreed"
    PERSONAL: ClassVar = frozenset({"reason"})

    proposal: int
    rulebook: int
    based_on: int
    digest: str
    document: dict[str, Any]
    written_by: UUID
    voided: list[int]
    sign_in: list[str] = field(default_factory=list)
    reason: str


@dataclass(frozen=True, kw_only=True)
class RulebookRefused(Event):
    """A second person said no. What was in force stays so."""

    TYPE = "approvals.rulebook.refused"
    PERSONAL: ClassVar = frozenset({"reason"})

    proposal: int
    digest: str
    written_by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class RulebookWithdrawn(Event):
    """Whoever wrote it took it back."""

    TYPE = "approvals.rulebook.withdrawn"
    PERSONAL: ClassVar = frozenset({"reason"})

    proposal: int
    digest: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RulebookOvertaken(Event):
    """Another rulebook came into force before this proposal was decided."""

    TYPE = "approvals.rulebook.overtaken"

    proposal: int
    digest: str
    by: int
