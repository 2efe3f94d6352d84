"""Reads a unified diff into lines with their numbers, for the diff component."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_WORDS = {"add": "added", "del": "removed"}


class DiffLine(NamedTuple):
    """``kind`` is file, hunk, add, del or same; line numbers are None where a side has no such line."""

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
    """The lines of a unified diff, one file or several; text before the first hunk is kept as a file line."""
    old = new = 0
    inside = False
    for line in diff.split("\n"):
        found = _HUNK.match(line)
        if found:
            old, new, inside = int(found.group(1)), int(found.group(2)), True
            yield DiffLine("hunk", None, None, line)
        elif not inside or line.startswith("diff "):
            inside = False
            if line and not line.startswith(("index ", "--- /dev/null")):
                yield DiffLine("file", None, None, line)
        elif line.startswith("+"):
            yield DiffLine("add", None, new, line[1:])
            new += 1
        elif line.startswith("-"):
            yield DiffLine("del", old, None, line[1:])
            old += 1
        elif line.startswith("\\") or not line:
            continue
        else:
            yield DiffLine("same", old, new, line[1:])
            old, new = old + 1, new + 1


def tally(lines: list[DiffLine]) -> tuple[int, int]:
    """How many lines were added and removed."""
    kinds = [line.kind for line in lines]
    return kinds.count("add"), kinds.count("del")
