"""Bringing an edited document onto a newer revision: both people's changes are kept, and where they meet is said.

Works on plain JSON documents, entry by entry: a list is a set of patterns whose order is the editor's, an object is
taken member by member, everything else is one value. Where both changed the same value the editor's stays, since
it is on the screen in front of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Rebased:
    """The document on top of the newer revision; ``clashes`` are the pointers of values that both had changed."""

    document: dict[str, Any]
    clashes: tuple[str, ...]


def rebase(*, base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> Rebased:
    """Return ``mine``, which started from ``base``, on top of ``theirs``."""
    clashes: list[str] = []
    merged = _merge(dict(base), dict(theirs), dict(mine), "", clashes)
    return Rebased(merged, tuple(clashes))


def _merge(base: Any, theirs: Any, mine: Any, pointer: str, clashes: list[str]) -> Any:
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return _objects(base if isinstance(base, dict) else {}, theirs, mine, pointer, clashes)
    if isinstance(mine, list) and isinstance(theirs, list):
        return _lists(base if isinstance(base, list) else [], theirs, mine)
    clashes.append(pointer)
    return mine


def _objects(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any], pointer: str, clashes: list[str]
) -> dict[str, Any]:
    merged = {}
    for key in dict.fromkeys([*mine, *theirs]):
        place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        value = _merge(base.get(key, _ABSENT), theirs.get(key, _ABSENT), mine.get(key, _ABSENT), place, clashes)
        if value is not _ABSENT:
            merged[key] = value
    return merged


def _lists(base: list[Any], theirs: list[Any], mine: list[Any]) -> list[Any]:
    removed = [item for item in base if item not in theirs]
    added = [item for item in theirs if item not in base and item not in mine]
    return [item for item in mine if item not in removed] + added
