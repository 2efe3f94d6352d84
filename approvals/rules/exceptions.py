"""Exceptions and break-glass: what they may open, for how long, and who looks afterwards."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from approvals.rules.decision import Effect, Rule
from registry.rules.actions import UNKNOWN, ActionType, Reversibility
from registry.rules.names import Refused, normalise_repository
from registry.rules.tiers import Tier


class ExceptionKind(StrEnum):
    """EXCEPTION: planned, for days. BREAK_GLASS: for an emergency, for hours, looked at soon after."""

    EXCEPTION = "exception"
    BREAK_GLASS = "break_glass"


class ExceptionState(StrEnum):
    """Where an exception is; that its time is over is derived."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    CLOSED = "closed"


class ExceptionStatus(StrEnum):
    """What an exception is worth now. ENDED: its time is over or it was revoked, and somebody has to look at it."""

    ASKED = "asked"
    LAPSED = "lapsed"
    OPEN = "open"
    ENDED = "ended"
    OVERDUE = "overdue"
    CLOSED = "closed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


WORDS: Mapping[ExceptionKind, str] = MappingProxyType(
    {ExceptionKind.EXCEPTION: "exception", ExceptionKind.BREAK_GLASS: "break-glass"}
)
TRANSITIONS: Mapping[ExceptionState, frozenset[ExceptionState]] = MappingProxyType(
    {
        ExceptionState.ASKED: frozenset({ExceptionState.GRANTED, ExceptionState.REFUSED, ExceptionState.WITHDRAWN}),
        ExceptionState.GRANTED: frozenset({ExceptionState.REVOKED, ExceptionState.CLOSED}),
        ExceptionState.REVOKED: frozenset({ExceptionState.CLOSED}),
        ExceptionState.REFUSED: frozenset(),
        ExceptionState.WITHDRAWN: frozenset(),
        ExceptionState.CLOSED: frozenset(),
    }
)

MOST_ACTIONS = 5
MOST_MINUTES: Mapping[ExceptionKind, int] = MappingProxyType(
    {ExceptionKind.EXCEPTION: 14 * 24 * 60, ExceptionKind.BREAK_GLASS: 240}
)
# Nobody grants what was asked in another situation.
ASKED_FOR: Mapping[ExceptionKind, timedelta] = MappingProxyType(
    {ExceptionKind.EXCEPTION: timedelta(days=7), ExceptionKind.BREAK_GLASS: timedelta(hours=4)}
)
# More break-glass than this of one person within so long is no emergency any more.
MOST_BREAK_GLASS = 2
BREAK_GLASS_WITHIN = timedelta(days=7)
_LOOKED_AT_WITHIN: Mapping[ExceptionKind, timedelta] = MappingProxyType(
    {ExceptionKind.EXCEPTION: timedelta(days=7), ExceptionKind.BREAK_GLASS: timedelta(hours=24)}
)


def review_due(kind: ExceptionKind, *, granted_at: datetime, ends_at: datetime) -> datetime:
    """Return when somebody else must have looked: a day after a break-glass was granted, a week after an exception."""
    return (granted_at if kind is ExceptionKind.BREAK_GLASS else ends_at) + _LOOKED_AT_WITHIN[kind]


def may_become(current: ExceptionState, target: ExceptionState) -> bool:
    return target in TRANSITIONS[current]


def status(
    kind: ExceptionKind,
    state: ExceptionState,
    *,
    asked_at: datetime,
    ends_at: datetime | None,
    review_due_at: datetime | None,
    now: datetime,
) -> ExceptionStatus:
    """Return what the row is worth at ``now``; at the very moment of its end it opens nothing."""
    match state:
        case ExceptionState.ASKED:
            return ExceptionStatus.LAPSED if now >= asked_at + ASKED_FOR[kind] else ExceptionStatus.ASKED
        case ExceptionState.REFUSED:
            return ExceptionStatus.REFUSED
        case ExceptionState.WITHDRAWN:
            return ExceptionStatus.WITHDRAWN
        case ExceptionState.CLOSED:
            return ExceptionStatus.CLOSED
    if review_due_at is not None and now >= review_due_at:
        return ExceptionStatus.OVERDUE
    if state is ExceptionState.GRANTED and ends_at is not None and now < ends_at:
        return ExceptionStatus.OPEN
    return ExceptionStatus.ENDED


def fault_of_action(kind: ExceptionKind, key: str, tier: Tier, action: ActionType | None) -> str | None:
    """Return why an exception cannot open this action, as the end of a sentence, or None.

    ``action`` is None for what the catalogue does not know, such as a pattern.
    """
    if key == UNKNOWN:
        return "cannot be opened: what is not understood is always decided one by one"
    if action is None:
        return f"{key} is not an action of the catalogue; name each action, without patterns"
    if tier is Tier.FORBIDDEN:
        return f"{key} is forbidden for this agent, and no exception opens what is forbidden"
    if tier is Tier.FREE:
        return f"{key} is free for this agent and needs no exception"
    if too_final(kind, action):
        return f"{key} cannot be undone, so only break-glass opens it, for some hours"
    return None


def too_final(kind: ExceptionKind, action: ActionType) -> bool:
    """Return whether only break-glass opens the action, as what cannot be undone: for days nobody would look."""
    return kind is ExceptionKind.EXCEPTION and action.reversibility is Reversibility.IRREVERSIBLE


@dataclass(frozen=True, slots=True)
class Opening:
    """What one exception opens. Empty repository or environment: any."""

    label: str
    actions: frozenset[str]
    repository: str = ""
    environment: str = ""


def covers(
    opening: Opening,
    *,
    actions: Collection[str],
    rules: Iterable[Rule],
    repository: str | None,
    environments: Collection[str | None],
    targets: Iterable[tuple[str, str]] = (),
) -> bool:
    """Return whether every gate of a decision is one that the exception opens.

    It opens the tiers of its actions, and with them what gates just these actions: a protected branch for a push
    to one, a host that is not listed for a request. Whatever else gates (another composition, a path outside the
    scope, the size, overdue debt) still wants people. ``targets`` are the actions with what they are on: an address
    there (``gh pr merge https://…``) may be of another repository than the one that was stated.
    """
    if not actions or UNKNOWN in actions:
        return False
    if opening.repository and not _same_repository(opening.repository, repository):
        return False
    if opening.repository and any("://" in what for kind, what in targets if kind not in _HOST_ACTIONS):
        return False
    if opening.environment and set(environments) != {opening.environment}:
        return False
    gates = [rule for rule in rules if rule.effect is Effect.GATE]
    return bool(gates) and all(_opens(opening, rule, actions) for rule in gates)


_WITH_PUSH = frozenset({"scope.branch.protected"})
_WITH_HOST = frozenset({"scope.host.outside"})
_HOST_ACTIONS = frozenset({"network.fetch", "network.write"})


def _opens(opening: Opening, rule: Rule, actions: Collection[str]) -> bool:
    if rule.id.startswith("tier."):
        return rule.id.removeprefix("tier.") in opening.actions
    if rule.id in _WITH_PUSH:
        return "push.protected" in opening.actions and "push.protected" in actions
    if rule.id in _WITH_HOST:
        return opening.actions >= _HOST_ACTIONS.intersection(actions) != frozenset()
    return False


def _same_repository(named: str, stated: str | None) -> bool:
    if stated is None:
        return False
    try:
        return normalise_repository(named) == normalise_repository(stated)
    except Refused:
        return False


def opened(label: str) -> Rule:
    """Return the rule that says by which exception an action was let through."""
    return Rule(f"exception.{label}", Effect.ALLOW, f"{label} opens this gate for now.")
