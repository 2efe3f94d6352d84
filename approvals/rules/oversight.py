"""Oversight: what says that approving has become a habit, as arithmetic over what was recorded."""

from dataclasses import dataclass, field
from datetime import timedelta

# Beyond this share of approvals, over at least so many decisions, saying yes may have become a habit.
HIGH_RATE_PERCENT = 98
OVER_DECISIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How requests were decided, of a team or of one person. ``measured`` approvals have a known time on view.

    ``unexpanded`` were approved with parts of the page still folded, of the ``folds_known`` of which the browser said.
    """

    decisions: int = 0
    approved: int = 0
    denied: int = 0
    returned: int = 0
    measured: int = 0
    quick: int = 0
    folds_known: int = 0
    unexpanded: int = 0
    median: timedelta | None = None

    @property
    def rate(self) -> int | None:
        """Approvals in a hundred decisions, rounded down; None without decisions."""
        return self.approved * 100 // self.decisions if self.decisions else None

    @property
    def never_says_no(self) -> bool:
        """Whether more than 98 in 100 of at least 50 decisions are approvals."""
        return self.decisions >= OVER_DECISIONS and self.approved * 100 > HIGH_RATE_PERCENT * self.decisions

    @property
    def unmeasured(self) -> int:
        return self.approved - self.measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What became of the canaries that were settled."""

    caught: int = 0
    missed: int = 0
    lapsed: int = 0

    @property
    def rate(self) -> int | None:
        """Caught in a hundred that somebody decided, rounded down; None when nobody decided any."""
        decided = self.caught + self.missed
        return self.caught * 100 // decided if decided else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What became of what was approved: of the calls that were let through, what their executors said."""

    redeemed: int = 0
    succeeded: int = 0
    failed: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """One row of the report, of a team or of a person."""

    looked: Looked = field(default_factory=Looked)
    canaries: Caught = field(default_factory=Caught)
    came: Came = field(default_factory=Came)
    expired: int = 0
    cool_downs: int = 0
    never_say_no: int = 0

    def flags(self, quick_seconds: int) -> list[str]:
        """What in it wants somebody's attention, as sentences without a name."""
        looked, said = self.looked, []
        if looked.never_says_no:
            said.append(
                f"Approvals: {looked.approved} of {looked.decisions} decisions, more than {HIGH_RATE_PERCENT} in 100."
            )
        if looked.quick:
            said.append(f"Approved in less than {quick_seconds} seconds: {looked.quick} of {looked.approved}.")
        if looked.unexpanded:
            said.append(f"Approved with parts of it still folded: {looked.unexpanded} of {looked.approved}.")
        if self.canaries.missed:
            said.append(f"Canaries approved: {self.canaries.missed} of {self.canaries.caught + self.canaries.missed}.")
        return said
