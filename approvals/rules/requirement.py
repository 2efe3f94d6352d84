"""All that a request takes to be approved: who, in which order, by when, with which proof and how much of a reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from approvals.rules.risk import Band, Risk
from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import Stage, StepUp
from approvals.rules.stages import required
from registry.rules.numbers import ApprovalRule


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the rulebook and the policy ask for together. ``rules`` are the ids of the rules that asked for more."""

    stages: tuple[Stage, ...]
    expires_minutes: int
    grant_minutes: int
    step_up: StepUp
    reason_least: int
    rules: tuple[str, ...] = ()

    @property
    def quorum(self) -> int:
        """How many different people in all."""
        return sum(stage.quorum for stage in self.stages)

    def is_as(self, other: "Requirement") -> bool:
        """Whether both ask for the same; what stages and rules are called does not matter."""
        return self.asked == other.asked

    @property
    def asked(self) -> tuple[object, ...]:
        """All that is asked for, without what it is called."""
        stages = tuple((stage.who, stage.quorum) for stage in self.stages)
        return stages, self.expires_minutes, self.grant_minutes, self.step_up, self.reason_least


def requirement(
    book: Book,
    *,
    team_id: UUID,
    actions: Iterable[str],
    environments: Iterable[str | None],
    task: str | None,
    risk: Risk,
    irreversible: bool,
    policy: ApprovalRule,
) -> Requirement:
    """Return what a request takes. Of proofs the strictest counts: for what cannot be undone, and for its risk."""
    asked = required(
        book, team_id=team_id, actions=actions, environments=environments, task=task, risk=risk.score, policy=policy
    )
    return Requirement(
        stages=asked.stages,
        expires_minutes=asked.expires_minutes,
        grant_minutes=asked.grant_minutes,
        step_up=step_up_for(book, risk.band, irreversible=irreversible),
        reason_least=getattr(book.reasons, risk.band.value),
        rules=asked.rules,
    )


def step_up_for(book: Book, band: Band, *, irreversible: bool) -> StepUp:
    """Return the strictest proof that applies."""
    proofs = [StepUp.NONE]
    if irreversible:
        proofs.append(book.step_up.irreversible)
    if band.rank >= Band.ELEVATED.rank:
        proofs.append(book.step_up.elevated)
    if band is Band.HIGH:
        proofs.append(book.step_up.high)
    return max(proofs, key=lambda proof: proof.rank)
