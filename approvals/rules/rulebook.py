"""The rulebook as a value: who decides what, how risk is weighed, which proofs and reasons are asked for.

One JSON document of which every member may be left out; what is left out is as in ``BUILT_IN``. There is no member
for what happens when time runs out: it denies.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from approvals.rules.rulebook_parts import (
    Canaries,
    Duties,
    Escalation,
    Fatigue,
    Group,
    Reasons,
    RiskRule,
    Stage,
    StepUp,
    StepUps,
    WhoRule,
    plain,
)
from approvals.rules.rulebook_reading import read_book
from portal.ledger.rules.canonical import JSONValue, canonicalize
from registry.rules.catalogue import Catalogue

__all__ = ["BUILT_IN", "Book", "ProposalState", "Stage", "StepUp", "digest"]


class ProposalState(StrEnum):
    """Where a proposed rulebook is. Every state but open is final."""

    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything that the organisation decided about deciding. Immutable; one instance serves every thread."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    rules: tuple[WhoRule, ...] = ()
    risk: RiskRule = field(default_factory=RiskRule)
    step_up: StepUps = field(default_factory=StepUps)
    reasons: Reasons = field(default_factory=Reasons)
    duties: Duties = field(default_factory=Duties)
    fatigue: Fatigue = field(default_factory=Fatigue)
    canaries: Canaries = field(default_factory=Canaries)
    escalation: Escalation = field(default_factory=Escalation)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", MappingProxyType(dict(self.groups)))

    @classmethod
    def from_document(cls, document: object, *, catalogue: Catalogue | None = None) -> "Book":
        """Return the book of a document that somebody wrote, or raise ``PolicyError`` with every fault in it.

        ``catalogue`` is the organisation's; without it only built-in actions are known.
        """
        return cls(**read_book(document, catalogue or Catalogue()))

    @classmethod
    def stored(cls, document: object) -> "Book":
        """Return the book of a revision that was taken before, whatever has left the organisation's catalogue."""
        return cls(**read_book(document, None))

    def to_document(self) -> dict[str, JSONValue]:
        """Return the whole JSON document, with every number that counts written out."""
        return {
            "groups": {slug: group.to_document() for slug, group in self.groups.items()},
            "rules": [rule.to_document() for rule in self.rules],
            "risk": self.risk.to_document(),
            "step_up": plain(self.step_up),
            "reasons": plain(self.reasons),
            "duties": plain(self.duties),
            "fatigue": plain(self.fatigue),
            "canaries": plain(self.canaries),
            "escalation": plain(self.escalation),
        }


def digest(book: Book) -> str:
    """Return the SHA-256 over the canonical document, in hex."""
    return hashlib.sha256(b"bailiwick/rulebook/v1\0" + canonicalize(book.to_document())).hexdigest()


BUILT_IN = Book()
