"""Reads a unified diff into lines with their numbers, for the diff component."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_WORDS = {"add": "added", "del": "removed"}


class DiffLine(NamedTuple):
    """``kind`` is file, meta, hunk, add, del, same or note; line numbers are None where a side has no such line."""

    kind: str
    old: int | None
    new: int | None
    text: str

    @property
    def sign(self) -> str:
        return {"add": "+", "del": "\N{MINUS SIGN}"}.get(self.kind, "")

    @property
    def spoken(self) -> str:
        """What a screen reader says before the line, since colour and sign are not heard."""
        return _WORDS.get(self.kind, "")


def parse(diff: str) -> Iterator[DiffLine]:
    """The lines of a unified diff, one file or several.

    The counts in the hunk's head decide what belongs to it: a removed line that reads ``-- a/file`` must
    not pass for the head of another file. No line is dropped, since an approver must see them all.
    """
    old = new = old_left = new_left = 0
    for line in diff.removesuffix("\n").split("\n"):
        if old_left or new_left:
            kind = _kind(line)
            yield DiffLine(kind, _number(kind, old, "add"), _number(kind, new, "del"), _body(kind, line))
            takes_old, takes_new = kind in {"same", "del"}, kind in {"same", "add"}
            old, old_left = old + takes_old, max(0, old_left - takes_old)
            new, new_left = new + takes_new, max(0, new_left - takes_new)
        elif found := _HUNK.match(line):
            old, new = int(found.group(1)), int(found.group(3))
            old_left, new_left = int(found.group(2) or 1), int(found.group(4) or 1)
            yield DiffLine("hunk", None, None, line)
        else:
            yield DiffLine(_outside(line), None, None, line)


def _outside(line: str) -> str:
    if line.startswith("diff "):
        return "file"
    return "note" if line.startswith("\\") else "meta"


def _kind(line: str) -> str:
    return {"+": "add", "-": "del", "\\": "note"}.get(line[:1], "same")


def _number(kind: str, number: int, absent_in: str) -> int | None:
    return None if kind in {absent_in, "note"} else number


def _body(kind: str, line: str) -> str:
    return line if kind == "note" else line[1:]


def tally(lines: list[DiffLine]) -> tuple[int, int]:
    """How many lines were added and removed."""
    kinds = [line.kind for line in lines]
    return kinds.count("add"), kinds.count("del")
