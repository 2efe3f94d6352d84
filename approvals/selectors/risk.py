"""Reading how risky requests were, and what other weights and thresholds would have made of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from approvals.models import ApprovalRequest
from approvals.rules.risk import Band, band_of, reassess
from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import RiskRule
from approvals.rules.workflow import RequestState
from approvals.selectors.requests import visible_requests
from approvals.selectors.requirement import requirement_under
from portal.identity.models import Person
from registry.rules.reading import PolicyError

MOST_SCORED = 2000
MOST_SHOWN = 20
WIDTH = 10  # points to a column; the last one holds 100 as well


def scored(person: Person, *, team: str = "", since: datetime | None = None) -> list[ApprovalRequest]:
    """The newest requests that the person may see, each with its recorded score.

    Canaries are left out once they are settled; before that, to be missing here would tell which they are.
    """
    found: QuerySet[ApprovalRequest] = visible_requests(person).filter(
        Q(canary=False) | Q(state=RequestState.PENDING.value)
    )
    if team:
        found = found.filter(agent__owner_team__slug=team)
    if since is not None:
        found = found.filter(opened_at__gte=since)
    return list(found.order_by("-number")[:MOST_SCORED])


@dataclass(frozen=True, slots=True)
class Column:
    """So many requests with a score of these points, and the band that most of those points are in."""

    points: str
    count: int
    band: Band


def distribution(scores: Iterable[int], rule: RiskRule) -> list[Column]:
    """How many requests have which score, ten points to a column."""
    counts = Counter(min(score, 99) // WIDTH for score in scores)
    columns = []
    for place in range(100 // WIDTH):
        least, most = place * WIDTH, place * WIDTH + WIDTH - 1 if place < 100 // WIDTH - 1 else 100
        columns.append(Column(f"{least} to {most}", counts[place], band_of(least + WIDTH // 2, rule)))
    return columns


def other_risk(book: Book, *, weights: Mapping[str, int], elevated: int | None = None, high: int | None = None) -> Book:
    """The book with other numbers of risk, those that are not given as they are; ``PolicyError`` if they contradict."""
    rule = RiskRule(
        weights={**book.risk.weights, **weights},
        elevated=book.risk.elevated if elevated is None else elevated,
        high=book.risk.high if high is None else high,
    )
    if rule.elevated >= rule.high:
        detail = f"High must begin above elevated, which is {rule.elevated}."
        raise PolicyError([{"pointer": "/high", "detail": detail}])
    return replace(book, risk=rule)


@dataclass(frozen=True, slots=True)
class Moved:
    """One request that would have been treated otherwise."""

    request: ApprovalRequest
    before: Band
    after: Band
    score_before: int
    score_after: int
    decided_otherwise: bool
    proof_otherwise: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What other weights and thresholds would have changed among the requests."""

    looked_at: int
    moved: tuple[Moved, ...]
    riskier: int
    less_risky: int
    stages: int
    proofs: int

    @property
    def shown(self) -> Sequence[Moved]:
        return self.moved[:MOST_SHOWN]


def tried(requests: Sequence[ApprovalRequest], book: Book, other: Book) -> Tried:
    """Compare each request under the book in force and under the other one, from what was recorded of it."""
    moved = []
    for request in requests:
        before, after = reassess(request.factors, book.risk), reassess(request.factors, other.risk)
        old, new = requirement_under(request, book), requirement_under(request, other)
        decided = [(stage.who, stage.quorum) for stage in old.stages] != [(s.who, s.quorum) for s in new.stages]
        proof = old.step_up is not new.step_up
        if before.band is not after.band or decided or proof:
            moved.append(Moved(request, before.band, after.band, before.score, after.score, decided, proof))
    return Tried(
        looked_at=len(requests),
        moved=tuple(moved),
        riskier=sum(one.after.rank > one.before.rank for one in moved),
        less_risky=sum(one.after.rank < one.before.rank for one in moved),
        stages=sum(one.decided_otherwise for one in moved),
        proofs=sum(one.proof_otherwise for one in moved),
    )
