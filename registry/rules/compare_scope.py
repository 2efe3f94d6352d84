"""The difference between the lists of two scopes, entry by entry. A list that is None takes nothing away."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from registry.rules.change import Change, Direction, listed
from registry.rules.commands import covers_command
from registry.rules.patterns import covers, covers_path, split_pin

Lists = Mapping[str, tuple[str, ...]]
Covers = Callable[[str, str], bool]


def _covers_model(wide: str, narrow: str) -> bool:
    return wide == "*" or covers(wide, narrow)


def _covers_repository(wide: str, narrow: str) -> bool:
    # A pinned one is allowed under any name, which no pattern of names can be shown to allow.
    return not split_pin(narrow)[1] and covers(wide, narrow)


# Name of the list, what one entry is called, what several are called, and whether one pattern covers another.
_ALLOWING: tuple[tuple[str, str, str, Covers], ...] = (
    ("repositories", "Repository", "repositories", _covers_repository),
    ("branches_allowed", "Branch", "branches", covers),
    ("paths_allowed", "Path", "paths", covers_path),
    ("environments", "Environment", "environments", covers),
    ("hosts", "Host", "hosts", partial(covers, separator=".")),
    ("models", "Model", "models", _covers_model),
    ("tools", "Tool", "tools", partial(covers, separator="\0")),
    ("commands_allowed", "Command", "commands", covers_command),
    ("credentials", "Kind of credential", "kinds of credential", covers),
)
_BLOCKING: tuple[tuple[str, str, Covers], ...] = (
    ("paths_blocked", "Path", covers_path),
    ("commands_blocked", "Command", covers_command),
)


def compare_lists(old: Lists, new: Lists, *, alone: bool) -> Iterator[Change]:
    """Return every entry of either. ``alone`` is True for an agent's own scope, which grants; a restriction only takes.

    A list that is not in ``old`` or ``new`` takes nothing away there.
    """
    for name, word, words, covering in _ALLOWING:
        before, after = old.get(name), new.get(name)
        if before is not None and after is not None:
            yield from _allowing(name, word, before, after, covering)
        elif after is not None:
            sentence = f"Only these {words} are in scope now: {listed(after)}."
            yield Change(Direction.TIGHTENED, f"/scope/{name}", words, sentence)
        elif before is not None:
            sentence = f"Every one of the {words} is in scope now; before it was only: {listed(before)}."
            yield Change(Direction.WIDENED, f"/scope/{name}", words, sentence)
    yield from _protecting(old, new, alone=alone)
    for name, word, covering in _BLOCKING:
        yield from _blocking(name, word, old.get(name, ()), new.get(name, ()), covering)


def _allowing(name: str, word: str, old: Sequence[str], new: Sequence[str], covering: Covers) -> Iterator[Change]:
    for pattern in new:
        if pattern in old:
            yield _change(Direction.UNCHANGED, name, pattern, f"{word} {pattern} stays in scope.")
        elif wider := next((known for known in old if covering(known, pattern)), None):
            sentence = f"{word} {pattern} is named where {wider} already allowed it."
            yield _change(Direction.TIGHTENED, name, pattern, sentence)
        else:
            yield _change(Direction.WIDENED, name, pattern, f"{word} {pattern} comes into scope.")
    for pattern in old:
        if pattern in new:
            continue
        bare, pin = split_pin(pattern) if name == "repositories" else (pattern, "")
        if pin and any(covers(split_pin(known)[0], bare) for known in new):
            # The pin kept others of this name out.
            sentence = f"{word} {bare} is no longer tied to the id {pin}: another repository of this name is taken."
            yield _change(Direction.WIDENED, name, pattern, sentence)
        else:
            yield _change(Direction.TIGHTENED, name, pattern, f"{word} {pattern} is no longer listed.")


def _protecting(old: Lists, new: Lists, *, alone: bool) -> Iterator[Change]:
    name = "branches_protected"
    before, after = old.get(name, ()), new.get(name, ())
    for pattern in after:
        if pattern in before:
            yield _change(Direction.UNCHANGED, name, pattern, f"Branch {pattern} stays protected.")
        elif not alone or any(covers(known, pattern) for known in (*old.get("branches_allowed", ()), *before)):
            yield _change(Direction.TIGHTENED, name, pattern, f"Branch {pattern} becomes protected.")
        else:
            # Naming a branch that was out of reach is asked about, though an approval is all that opens it.
            sentence = f"Branch {pattern} becomes protected; where it was out of reach, an approval now opens it."
            yield _change(Direction.WIDENED, name, pattern, sentence)
    yield from _lifted(name, "Branch", "protected", before, after, covers)


def _blocking(name: str, word: str, before: Sequence[str], after: Sequence[str], covering: Covers) -> Iterator[Change]:
    for pattern in after:
        if pattern in before:
            yield _change(Direction.UNCHANGED, name, pattern, f"{word} {pattern} stays blocked.")
        else:
            yield _change(Direction.TIGHTENED, name, pattern, f"{word} {pattern} becomes blocked.")
    yield from _lifted(name, word, "blocked", before, after, covering)


def _lifted(  # noqa: PLR0917  one list in all its words
    name: str, word: str, state: str, before: Sequence[str], after: Sequence[str], covering: Covers
) -> Iterator[Change]:
    for pattern in before:
        if pattern in after:
            continue
        if any(covering(known, pattern) for known in after):
            yield _change(Direction.UNCHANGED, name, pattern, f"{word} {pattern} stays {state} under a wider pattern.")
        else:
            yield _change(Direction.WIDENED, name, pattern, f"{word} {pattern} is no longer {state}.")


def _change(way: Direction, name: str, pattern: str, sentence: str) -> Change:
    return Change(way, f"/scope/{name}", pattern, sentence)
