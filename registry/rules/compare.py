"""The difference between two policies, said for a manager, and which parts of it are widenings.

Conservative: a change counts as tighter only when that can be shown from the patterns themselves. What
cannot be shown is a widening, and a widening needs another person.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from registry.rules.actions import CATALOGUE
from registry.rules.patterns import covers, covers_path
from registry.rules.policy import Policy
from registry.rules.tiers import Tier


class Direction(StrEnum):
    """Which way one entry of a policy has moved."""

    WIDENED = "widened"
    TIGHTENED = "tightened"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a policy before and after. ``pointer`` is its place in the document."""

    direction: Direction
    pointer: str
    subject: str
    sentence: str


Covers = Callable[[str, str], bool]

_ALLOWING: tuple[tuple[str, str, Covers], ...] = (
    ("repositories", "Repository", covers),
    ("branches_allowed", "Branch", covers),
    ("paths_allowed", "Path", covers_path),
    ("environments", "Environment", covers),
    ("hosts", "Host", partial(covers, separator=".")),
    ("models", "Model", covers),
)
_TIER_WORDS = {Tier.FREE: "free", Tier.GATED: "gated", Tier.FORBIDDEN: "forbidden"}


def describe(old: Policy, new: Policy) -> list[Change]:
    """Return every entry of either policy with its direction, in the order of the document."""
    return [*_scope(old, new), *_tiers(old, new), *_numbers(old, new)]


def widens(old: Policy, new: Policy) -> list[Change]:
    """Return the changes that are, or may be, a widening; empty means that ``new`` allows nothing new."""
    return [change for change in describe(old, new) if change.direction is Direction.WIDENED]


def _scope(old: Policy, new: Policy) -> Iterator[Change]:
    for name, word, covering in _ALLOWING:
        yield from _allowing(name, word, getattr(old.scope, name), getattr(new.scope, name), covering)
    yield from _protecting(old, new)
    yield from _blocking(old.scope.paths_blocked, new.scope.paths_blocked)


def _allowing(name: str, word: str, old: Sequence[str], new: Sequence[str], covering: Covers) -> Iterator[Change]:
    for pattern in new:
        if pattern in old:
            yield _change(Direction.UNCHANGED, name, pattern, f"{word} {pattern} stays in scope.")
        elif wider := next((known for known in old if covering(known, pattern)), None):
            yield _change(
                Direction.TIGHTENED,
                name,
                pattern,
                f"{word} {pattern} is named where {wider} already allowed it.",
            )
        else:
            yield _change(Direction.WIDENED, name, pattern, f"{word} {pattern} comes into scope.")
    for pattern in old:
        if pattern not in new:
            yield _change(Direction.TIGHTENED, name, pattern, f"{word} {pattern} is no longer listed.")


def _protecting(old: Policy, new: Policy) -> Iterator[Change]:
    name = "branches_protected"
    before, after = old.scope.branches_protected, new.scope.branches_protected
    for pattern in after:
        if pattern in before:
            yield _change(Direction.UNCHANGED, name, pattern, f"Branch {pattern} stays protected.")
        elif any(covers(known, pattern) for known in (*old.scope.branches_allowed, *before)):
            yield _change(Direction.TIGHTENED, name, pattern, f"Branch {pattern} becomes protected.")
        else:
            # A branch in neither list is refused; a protected one can be reached with an approval.
            sentence = f"Branch {pattern} becomes protected; where it was out of reach, an approval now opens it."
            yield _change(Direction.WIDENED, name, pattern, sentence)
    yield from _lifted(name, "protected", before, after, covers)


def _blocking(before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    name = "paths_blocked"
    for pattern in after:
        if pattern in before:
            yield _change(Direction.UNCHANGED, name, pattern, f"Path {pattern} stays blocked.")
        else:
            yield _change(Direction.TIGHTENED, name, pattern, f"Path {pattern} becomes blocked.")
    yield from _lifted(name, "blocked", before, after, covers_path)


def _lifted(name: str, state: str, before: Sequence[str], after: Sequence[str], covering: Covers) -> Iterator[Change]:
    word = "Branch" if name == "branches_protected" else "Path"
    for pattern in before:
        if pattern in after:
            continue
        if any(covering(known, pattern) for known in after):
            yield _change(Direction.UNCHANGED, name, pattern, f"{word} {pattern} stays {state} under a wider pattern.")
        else:
            yield _change(Direction.WIDENED, name, pattern, f"{word} {pattern} is no longer {state}.")


def _change(direction: Direction, name: str, pattern: str, sentence: str) -> Change:
    return Change(direction, f"/scope/{name}", pattern, sentence)


def _tiers(old: Policy, new: Policy) -> Iterator[Change]:
    for key, action in CATALOGUE.items():
        before, after = old.tier_of(key), new.tier_of(key)
        if before is after:
            sentence = f"{action.label}: stays {_TIER_WORDS[after]}."
        else:
            sentence = f"{action.label}: {_TIER_WORDS[before]} before, {_TIER_WORDS[after]} now."
        yield Change(_direction(-before.rank, -after.rank), f"/tiers/{key}", key, sentence)


def _numbers(old: Policy, new: Policy) -> Iterator[Change]:
    # The quorum is the one number here that is stricter when it is larger.
    rows = (
        ("/limits/files", "Files in one change", old.limits.files, new.limits.files, 1),
        ("/limits/lines", "Lines in one change", old.limits.lines, new.limits.lines, 1),
        ("/approval/quorum", "People who must approve", old.approval.quorum, new.approval.quorum, -1),
        (
            "/approval/expires_minutes",
            "Minutes to decide a request",
            old.approval.expires_minutes,
            new.approval.expires_minutes,
            1,
        ),
        (
            "/approval/grant_minutes",
            "Minutes a grant lives",
            old.approval.grant_minutes,
            new.approval.grant_minutes,
            1,
        ),
    )
    for pointer, subject, before, after, sign in rows:
        sentence = f"{subject}: stays {after}." if before == after else f"{subject}: {before} before, {after} now."
        yield Change(_direction(before * sign, after * sign), pointer, subject, sentence)


def _direction(before: int, after: int) -> Direction:
    """Return the direction of a number that allows more when it is larger."""
    if before == after:
        return Direction.UNCHANGED
    return Direction.WIDENED if after > before else Direction.TIGHTENED
