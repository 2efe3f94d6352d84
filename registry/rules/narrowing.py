"""Which entries of a credential's narrowing can never match, because the agent itself may not touch any of it.

A narrowing may name anything; it still only narrows. An entry outside the agent's own scope is no danger and no use,
and is most often a slip of the pen, so whoever writes it is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry.rules.scope import Scope

# Whole-name lists and what separates their segments. Paths and commands have patterns of another kind.
_LISTS: Mapping[str, tuple[str, str]] = {
    "repositories": ("/", "repository"),
    "branches_allowed": ("/", "branch"),
    "environments": ("/", "environment"),
    "models": ("/", "model"),
    "tools": ("\0", "tool"),
}
# Beyond this the answer is not worth the time; nothing is said then.
_MOST_PAIRS = 2500

Token = tuple[str, str]


def never_matching(narrowing: Mapping[str, Sequence[str]], scope: Scope) -> list[dict[str, str]]:
    """Return a pointer into the narrowing's document and a sentence for each entry without any use."""
    found = []
    for name, (separator, word) in _LISTS.items():
        allowed = getattr(scope, name)
        entries = narrowing.get(name, ())
        if allowed is None or len(allowed) * len(entries) > _MOST_PAIRS:
            continue
        for place, entry in enumerate(entries):
            if not any(may_meet(entry, one, separator=separator) for one in allowed):
                detail = f"{entry} can never match: the agent itself may touch no such {word}."
                found.append({"pointer": f"/scope/{name}/{place}", "detail": detail})
    return found


_WORDS = {
    "repositories": "",
    "branches_allowed": "branch ",
    "branches_protected": "not branch ",
    "paths_allowed": "path ",
    "paths_blocked": "not path ",
    "environments": "environment ",
    "models": "model ",
    "tools": "tool ",
    "commands_allowed": "command ",
    "commands_blocked": "not command ",
    "credentials": "credential kind ",
}


def in_words(document: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what a narrowing says, an entry each: its lists, then its tiers, limits and approval rule."""
    said = []
    for name, entries in document.get("scope", {}).items():
        word = _WORDS.get(name, f"{name} ")
        said += [f"{word}{entry}" for entry in entries] or [f"no {word.strip() or 'repository'} at all"]
    for part in ("tiers", "limits", "approval"):
        said += [f"{name} {value}" for name, value in document.get(part, {}).items()]
    return said


def may_meet(one: str, other: str, *, separator: str = "/") -> bool:
    """Return whether some name could match both patterns; in doubt, that it could."""
    (one, _, first), (other, _, second) = one.partition("#"), other.partition("#")
    if first and second:
        # Both are pinned: the host's id decides, whatever the names are.
        return first == second
    # With one pin only, a renamed repository could still match; a name that is out of scope today is worth a word.
    return _meet(one, other, separator)


def _meet(one: str, other: str, separator: str) -> bool:
    a, b = list(_tokens(one, separator)), list(_tokens(other, separator))
    pending, seen = [(0, 0)], set()
    while pending:
        i, j = pending.pop()
        if (i, j) in seen:
            continue
        seen.add((i, j))
        if i == len(a) and j == len(b):
            return True
        pending += _steps(a, b, i, j, separator)
    return False


def _steps(a: list[Token], b: list[Token], i: int, j: int, separator: str) -> Iterable[tuple[int, int]]:
    left = a[i] if i < len(a) else None
    right = b[j] if j < len(b) else None
    if left is not None and left[0] == "run":
        yield i + 1, j
        if right is not None and _passes(left, right, separator):
            yield i, j + 1
    if right is not None and right[0] == "run":
        yield i, j + 1
        if left is not None and _passes(right, left, separator):
            yield i + 1, j
    if left is not None and right is not None and _same_sign(left, right, separator):
        yield i + 1, j + 1


def _same_sign(left: Token, right: Token, separator: str) -> bool:
    if "run" in (left[0], right[0]):
        return False
    return left == right or _any_sign(left, right, separator) or _any_sign(right, left, separator)


def _any_sign(one: Token, other: Token, separator: str) -> bool:
    return one[0] == "one" and other[1] != separator


def _passes(run: Token, single: Token, separator: str) -> bool:
    return single[0] != "run" and (run[1] == "any" or single[1] != separator)


def _tokens(pattern: str, separator: str) -> Iterable[Token]:
    """The pattern as single characters, ``?``, and runs. ``**`` is any run at all, which is more than it is."""
    place = 0
    while place < len(pattern):
        if pattern.startswith("**", place):
            yield "run", "any"
            # "a/**/b" is also "a/b": the separator after it may be missing.
            place += 3 if pattern.startswith(separator, place + 2) else 2
            continue
        sign = pattern[place]
        yield {"*": ("run", "segment"), "?": ("one", "")}.get(sign, ("sign", sign))
        place += 1
