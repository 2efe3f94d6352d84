"""Who must decide a request, in which order, and what the verdicts given so far come to.

All rules that match count together: stages add up, of the same groups the greatest quorum counts, of minutes the
least. So a rule only ever makes a decision harder, and the order of rules means nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import SECURITY, TEAM, Stage, When, WhoRule, whole_quorum
from approvals.rules.workflow import RequestState, ReviewFact, Verdict
from registry.rules.numbers import ApprovalRule
from registry.rules.patterns import compile_globs, compile_tools

__all__ = ["Required", "Settled", "Stage", "blocked", "required", "settle", "stored_stages"]

BASE = "Owner team"


@dataclass(frozen=True, slots=True)
class Required:
    """What a request takes: its stages in order, the minutes, and the ids of the rules that asked for more."""

    stages: tuple[Stage, ...]
    expires_minutes: int
    grant_minutes: int
    rules: tuple[str, ...] = ()

    @property
    def quorum(self) -> int:
        """How many different people in all."""
        return sum(stage.quorum for stage in self.stages)


def required(
    book: Book,
    *,
    team_id: UUID,
    actions: Iterable[str],
    environments: Iterable[str | None],
    task: str | None,
    risk: int,
    policy: ApprovalRule,
) -> Required:
    """Return what the policy and every matching rule that is on ask for together; the strictest of each counts.

    Where no environment or task type is stated, a rule that names some counts as well: leaving it out must not be
    a way round the rule.
    """
    asked = _Asked(team_id, frozenset(actions), frozenset(environments) or frozenset({None}), task, risk)
    matching = [rule for rule in book.rules if rule.on and _matches(rule.when, asked)]
    return Required(
        stages=_merged(Stage(BASE, (TEAM, SECURITY), whole_quorum(policy.quorum)), matching),
        expires_minutes=_least(policy.expires_minutes, (rule.expires_minutes for rule in matching)),
        grant_minutes=_least(policy.grant_minutes, (rule.grant_minutes for rule in matching)),
        rules=tuple(sorted(rule.id for rule in matching)),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the conditions of rules are compared with."""

    team: UUID
    actions: frozenset[str]
    environments: frozenset[str | None]
    task: str | None
    risk: int


def _matches(when: When, asked: _Asked) -> bool:
    return (
        (not when.teams or asked.team in when.teams)
        and (not when.actions or any(map(compile_tools(when.actions).matches, asked.actions)))
        and (not when.environments or any(_in_environment(when.environments, place) for place in asked.environments))
        and (not when.tasks or asked.task is None or asked.task in when.tasks)
        and asked.risk >= when.risk_at_least
    )


def _in_environment(patterns: Sequence[str], place: str | None) -> bool:
    return place is None or compile_globs(patterns, separator="\0", ignore_case=True).matches(place) is not None


def _merged(base: Stage, rules: Iterable[WhoRule]) -> tuple[Stage, ...]:
    """Put the stages of all rules in one order: each as late as any rule puts it, the policy's own always first."""
    places: dict[frozenset[str], tuple[int, Stage]] = {base.who: (0, base)}
    for rule in sorted(rules, key=lambda rule: rule.id):
        for place, stage in enumerate(rule.stages, start=1):
            known = places.get(stage.who)
            if known is None:
                places[stage.who] = place, stage
            else:
                late, other = known
                merged = Stage(other.name, other.groups, max(other.quorum, stage.quorum))
                places[stage.who] = (0 if stage.who == base.who else max(late, place)), merged
    return tuple(stage for _, stage in sorted(places.values(), key=lambda one: (one[0], sorted(one[1].groups))))


def _least(first: int, others: Iterable[int | None]) -> int:
    return min([first, *(other for other in others if other is not None)])


def stored_stages(document: object) -> tuple[Stage, ...]:
    """Return the stages that a request stores, or raise ``ValueError``: none, or one that asks nobody, never counts."""
    if not isinstance(document, list | tuple) or not document:
        raise ValueError("A request has at least one stage.")
    stages = []
    for item in document:
        if not isinstance(item, Mapping) or not isinstance(item.get("groups"), list | tuple):
            raise ValueError("A stage names its groups and its quorum.")  # noqa: TRY004  as all that is no stage
        groups = tuple(key for key in item["groups"] if isinstance(key, str))
        stages.append(Stage(str(item.get("name", "")), groups, whole_quorum(item.get("quorum"))))
    return tuple(stages)


@dataclass(frozen=True, slots=True)
class Settled:
    """What the verdicts come to. ``state`` is None while more are needed; ``stage`` is then the open one's place.

    ``given`` counts the approvals of each stage, ``places`` the stage that each person's approval counts for.
    """

    state: RequestState | None
    stage: int
    given: tuple[int, ...]
    places: Mapping[UUID, int] = field(default_factory=dict)


def settle(stages: Sequence[Stage], votes: Iterable[ReviewFact]) -> Settled:
    """Return what the verdicts that count lead to.

    One denial ends it, and else one request for changes. A natural person counts once over all stages; a stage is open
    when all before it are full.
    """
    _ask_somebody(stages)
    votes = list(votes)
    said = {vote.verdict for vote in votes}
    capacities = {vote.human: frozenset({vote.capacity}) for vote in votes if vote.verdict is Verdict.APPROVE}
    seats = _Seats(stages, capacities)
    full = [seats.fill(place) == stage.quorum for place, stage in enumerate(stages)]
    opened = full.index(False) if False in full else len(stages) - 1
    state = None
    if Verdict.DENY in said:
        state = RequestState.DENIED
    elif Verdict.CHANGES in said:
        state = RequestState.RETURNED
    elif all(full):
        state = RequestState.APPROVED
    return Settled(state, opened, seats.given, seats.places)


def blocked(
    stages: Sequence[Stage], eligible: Mapping[str, frozenset[UUID]], given: Iterable[ReviewFact] = ()
) -> str | None:
    """Return what is missing when the people there are cannot fill every stage, whoever decides; None when they can.

    ``eligible`` holds, for each group, the natural persons who may still decide. By Hall's theorem it is blocked
    exactly when some of the stages together need more people than there are for them; those are named.
    """
    _ask_somebody(stages)
    people: dict[UUID, frozenset[str]] = {}
    for key, humans in eligible.items():
        for human in humans:
            people[human] = people.get(human, frozenset()) | {key}
    people |= {vote.human: frozenset({vote.capacity}) for vote in given if vote.verdict is Verdict.APPROVE}
    seats = _Seats(stages, people)
    for place, stage in enumerate(stages):
        if seats.fill(place) < stage.quorum:
            return _missing(stages, *seats.short_of(place))
    return None


def _missing(stages: Sequence[Stage], short: Sequence[int], people: int) -> str:
    needed = sum(stages[place].quorum for place in short)
    names = " and ".join(f"“{stages[place].name}”" for place in short)
    who = "nobody can" if people == 0 else "only 1 person can" if people == 1 else f"only {people} people can"
    if len(short) == 1:
        return f"The stage {names} needs {needed} {'person' if needed == 1 else 'people'}, and {who} decide it."
    return f"The stages {names} need {needed} different people together, and {who} decide them."


def _ask_somebody(stages: Sequence[Stage]) -> None:
    if not stages:
        raise ValueError("A request has at least one stage.")
    for stage in stages:
        whole_quorum(stage.quorum)


class _Seats:
    """Seats people at stages: each at one, each stage with as many as its quorum, found by augmenting paths."""

    def __init__(self, stages: Sequence[Stage], people: Mapping[UUID, frozenset[str]]) -> None:
        self._stages = stages
        # In one order, so that the same votes are always told in the same way.
        self._people = {human: people[human] for human in sorted(people)}
        self._seated: list[dict[UUID, None]] = [{} for _ in stages]
        self.places: dict[UUID, int] = {}

    @property
    def given(self) -> tuple[int, ...]:
        return tuple(len(seated) for seated in self._seated)

    def fill(self, place: int) -> int:
        """Seat as many as the stage needs, without taking a seat from any stage before; how many there are then."""
        while len(self._seated[place]) < self._stages[place].quorum and self._seat(place, set()):
            pass
        return len(self._seated[place])

    def _seat(self, place: int, tried: set[UUID]) -> bool:
        for human, groups in self._people.items():
            if human in tried or groups.isdisjoint(self._stages[place].groups):
                continue
            tried.add(human)
            sits = self.places.get(human)
            if sits == place:
                continue
            if sits is None or self._seat(sits, tried):
                if sits is not None:
                    del self._seated[sits][human]
                self.places[human] = place
                self._seated[place][human] = None
                return True
        return False

    def short_of(self, place: int) -> tuple[list[int], int]:
        """Return the stages that together lack people, this one among them, and how many people there are for them."""
        short, reach = {place}, set[UUID]()
        waiting = [place]
        while waiting:
            groups = self._stages[waiting.pop()].groups
            for human, own in self._people.items():
                if human in reach or own.isdisjoint(groups):
                    continue
                reach.add(human)
                sits = self.places.get(human)
                if sits is not None and sits not in short:
                    short.add(sits)
                    waiting.append(sits)
        return sorted(short), len(reach)
