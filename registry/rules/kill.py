"""The kill switch as arithmetic: scope keys, epochs, agreement to resume, and the worst-case stop time."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.rules.names import Refused, normalise_repository

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


class StopStatus(StrEnum):
    """How far a stop has come; derived, never stored."""

    STOPPING = "stopping"
    STOPPED = "stopped"
    RESUMED = "resumed"


def stop_status(*, resumed: bool, out: int) -> StopStatus:
    """Return the status of an order of which ``out`` points hold a lease and have not heard."""
    if resumed:
        return StopStatus.RESUMED
    return StopStatus.STOPPING if out else StopStatus.STOPPED


def lease_length(*limits: int) -> int:
    """Return how many seconds a lease lasts: the shortest that any level of policy or the portal allows, at least 1."""
    return max(1, min(limits))


class KillError(ValueError):
    """A scope key or an epoch that cannot be."""


# What a scope names: an id, the key of an action type, or a repository's normal name.
Scope = UUID | str | None

_WITH_ID = frozenset({ScopeKind.TEAM, ScopeKind.AGENT, ScopeKind.RUN, ScopeKind.DRILL})
_ACTION = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


def scope_key(kind: ScopeKind, scope: Scope = None) -> str:
    """Return ``all``, ``team:<uuid>``, ``action:<key>``, ``repository:<name>`` …; what does not fit is an error."""
    if kind is ScopeKind.ALL:
        if scope is not None:
            raise KillError("A stop of everything names nothing in particular.")
        return kind.value
    if scope is None:
        raise KillError(f"A stop of one {kind.value} must name the {kind.value}.")
    if kind in _WITH_ID:
        fits = isinstance(scope, UUID)
    elif kind is ScopeKind.ACTION:
        fits = isinstance(scope, str) and _ACTION.fullmatch(scope) is not None
    else:
        fits = isinstance(scope, str) and _is_normal_repository(scope)
    if not fits:
        raise KillError(f"{str(scope)!r} cannot name the {kind.value} of a stop.")
    return f"{kind.value}:{scope}"


def parse_scope_key(key: str) -> tuple[ScopeKind, Scope]:
    """Return the kind and scope of a key that ``scope_key`` made; anything else is an error."""
    kind_name, _, rest = key.partition(":")
    try:
        kind = ScopeKind(kind_name)
        scope: Scope = (UUID(rest) if kind in _WITH_ID else rest) if rest else None
        same = scope_key(kind, scope) == key
    except ValueError:
        same = False
    if not same:
        raise KillError(f"{key!r} is not the key of a kill scope.")
    return kind, scope


def keys_over(
    *,
    agent_id: UUID,
    team_id: UUID,
    run_id: UUID | None = None,
    actions: Iterable[str] = (),
    repository: str | None = None,
    also: Iterable[str] = (),
) -> tuple[str, ...]:
    """Return every key that can stop this agent, or this one call of it, widest first and each once.

    ``repository`` is the name as the caller gave it. A name without a normal form adds no key: no scope
    contains such a name, so the call is refused for that. ``also`` are the normal names that the same
    repository is pinned under: a repository that was renamed is stopped under both.
    """
    keys = ["all", f"team:{team_id}", f"agent:{agent_id}", f"drill:{agent_id}"]
    if run_id is not None:
        keys.append(f"run:{run_id}")
    keys += [f"action:{action}" for action in sorted(set(actions))]
    repositories = set(also)
    if repository is not None:
        with suppress(Refused):
            repositories.add(normalise_repository(repository))
    keys += [f"repository:{name}" for name in sorted(repositories)]
    return tuple(keys)


def _is_normal_repository(name: str) -> bool:
    try:
        return normalise_repository(name) == name
    except Refused:
        return False


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


def may_agree(person: UUID, *, ordered_by: UUID | None, agreed: Iterable[UUID]) -> str | None:
    """Return why ``person`` may not agree to resume, in one sentence, or None when they may.

    The ids are of natural persons: a second account is nobody else.
    """
    if person == ordered_by:
        return "Whoever ordered the stop cannot agree to end it."
    if person in set(agreed):
        return "This person has agreed already; another must."
    return None


def resume_agreed(*, ordered_by: UUID | None, agreed: Iterable[UUID]) -> bool:
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
