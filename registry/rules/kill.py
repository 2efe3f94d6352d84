"""The kill switch as arithmetic: scope keys, epochs, agreement to resume, and the worst-case stop time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# One person stops, two others resume: a mistaken stop costs minutes, a mistaken resume can cost anything.
RESUME_QUORUM = 2


class ScopeKind(StrEnum):
    """What a kill order covers."""

    ALL = "all"
    TEAM = "team"
    AGENT = "agent"
    RUN = "run"
    ACTION = "action"
    REPOSITORY = "repository"
    DRILL = "drill"


class OrderState(StrEnum):
    """A kill order is in force until it is resumed, and is never used again after that."""

    ACTIVE = "active"
    RESUMED = "resumed"


class KillError(ValueError):
    """A scope key or an epoch that cannot be."""


def scope_key(kind: ScopeKind, scope_id: UUID | None = None) -> str:
    """Return ``all``, ``team:<uuid>`` or ``agent:<uuid>``; an id where none belongs, or none, is an error."""
    if kind is ScopeKind.ALL:
        if scope_id is not None:
            raise KillError("A stop of everything names nothing in particular.")
        return kind.value
    if scope_id is None:
        raise KillError(f"A stop of one {kind.value} must name the {kind.value}.")
    return f"{kind.value}:{scope_id}"


def parse_scope_key(key: str) -> tuple[ScopeKind, UUID | None]:
    """Return the kind and id of a key that ``scope_key`` made; anything else is an error."""
    kind, _, rest = key.partition(":")
    try:
        parsed = ScopeKind(kind), UUID(rest) if rest else None
    except ValueError:
        raise KillError(f"{key!r} is not the key of a kill scope.") from None
    if scope_key(*parsed) != key:
        raise KillError(f"{key!r} is not the key of a kill scope.")
    return parsed


def keys_over(*, agent_id: UUID, team_id: UUID) -> tuple[str, str, str]:
    """Return every key that can stop this agent, widest first."""
    return (
        scope_key(ScopeKind.ALL),
        scope_key(ScopeKind.TEAM, team_id),
        scope_key(ScopeKind.AGENT, agent_id),
    )


def next_epoch(current: int) -> int:
    """Return the epoch after a kill order. There is no function that lowers one."""
    if isinstance(current, bool) or current < 0:
        raise KillError("An epoch is a whole number from 0 upwards.")
    return current + 1


def combined_epoch(epochs: Iterable[int]) -> int:
    """Return the one epoch that an agent's grants and leases are bound to.

    It is the sum over ``keys_over``. The largest would not do: with an agent's own epoch at 5, a first
    stop of its team would leave 5, and every grant issued before that stop would live on.
    """
    return sum(epochs)


def epoch_after_transfer(*, agent_epoch: int, old_team_epoch: int, new_team_epoch: int) -> int:
    """Return the agent's own epoch when it changes team, so that its combined epoch still only grows."""
    return next_epoch(agent_epoch + max(0, old_team_epoch - new_team_epoch))


def may_agree(person: UUID, *, ordered_by: UUID, agreed: Iterable[UUID]) -> str | None:
    """Return why ``person`` may not agree to resume, in one sentence, or None when they may."""
    if person == ordered_by:
        return "Whoever ordered the stop cannot agree to end it."
    if person in set(agreed):
        return "This person has agreed already; another must."
    return None


def resume_agreed(*, ordered_by: UUID, agreed: Iterable[UUID]) -> bool:
    """Return whether enough different people, not counting the one who stopped, agree to resume."""
    return len(set(agreed) - {ordered_by}) >= RESUME_QUORUM


@dataclass(frozen=True, slots=True)
class EnforcementPoint:
    """A place that asks the portal before an agent acts.

    ``lease_seconds`` is how long it may go on without asking again: 0 when it asks before each action,
    None when it never asks. ``answer_seconds`` is the longest that an answer already given can take to
    be acted on.
    """

    name: str
    lease_seconds: int | None
    answer_seconds: int = 0


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The longest time until the agent has stopped, in seconds; None when the portal cannot promise any."""

    seconds: int | None
    because: str


def worst_case(points: Sequence[EnforcementPoint], *, clock_skew_seconds: int = 0) -> WorstCase:
    """Return the stop time of the slowest point, and name it. A point that never asks cannot be stopped."""
    if not points:
        return WorstCase(None, "No enforcement point has asked for this agent, so no stop time can be promised.")
    for point in points:
        if point.lease_seconds is None:
            return WorstCase(None, f"{point.name} never asks the portal, so no stop time can be promised.")
    times = [(_seconds(point, clock_skew_seconds), point) for point in points]
    slowest, point = max(times, key=lambda pair: pair[0])
    if point.lease_seconds:
        return WorstCase(slowest, f"{point.name} may go on until its lease of {point.lease_seconds} s has run out.")
    return WorstCase(slowest, f"{point.name} asks before every action.")


def _seconds(point: EnforcementPoint, clock_skew_seconds: int) -> int:
    # Skew matters only to a lease: a point that asks each time is answered by the portal's own state.
    lease = point.lease_seconds or 0
    return lease + point.answer_seconds + (clock_skew_seconds if lease else 0)
