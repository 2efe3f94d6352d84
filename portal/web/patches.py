"""A unified diff as files, hunks and lines: read with unidiff, with every line of the text in its place."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from unidiff.errors import UnidiffParseError
from unidiff.patch import Line, PatchSet

_KINDS: Final = {"+": "add", "-": "del", "\\": "note"}
_MOST_CUTS: Final = 8
_GIT: Final = re.compile(r'^diff --git "?a/(?P<old>.*?)"? "?b/(?P<new>.*?)"?$')


@dataclass(frozen=True, slots=True)
class PatchLine:
    """One line of a hunk. ``kind`` is same, add, del or note; a number is None on the side that has no such line."""

    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that belong together, under the head that says where they are."""

    head: str
    lines: list[PatchLine] = field(default_factory=list)


@dataclass(slots=True)
class PatchFile:
    """What happens to one file. ``head`` are the lines before the first hunk, as they were sent."""

    name: str = ""
    head: list[str] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)

    @property
    def added(self) -> int:
        return sum(line.kind == "add" for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        return sum(line.kind == "del" for hunk in self.hunks for line in hunk.lines)


@dataclass(frozen=True, slots=True)
class Patch:
    """A whole diff. ``outside`` are lines after the last hunk that belong to no file: shown, and said to be so."""

    files: list[PatchFile]
    outside: list[str]

    @property
    def added(self) -> int:
        return sum(one.added for one in self.files)

    @property
    def removed(self) -> int:
        return sum(one.removed for one in self.files)


def read_patch(text: str) -> Patch | None:
    """The diff, or None when it is not one.

    unidiff says which lines are in a hunk and what number they have on each side. It passes over whatever else there
    is; here each line that it did not take stands where it was sent, so that nothing is left out.
    """
    if any(map(_keeps_busy, text.split("\n"))):
        return None
    try:
        found = PatchSet(io.StringIO(text))
    except (UnidiffParseError, ValueError, AssertionError, IndexError):
        return None
    taken = dict(_taken(found))
    if not taken:
        return None
    return _walk(text.removesuffix("\n").split("\n"), taken)


def _keeps_busy(line: str) -> bool:
    """Whether unidiff's patterns would read this line over and over: a megabyte of it holds the process for hours.

    They try every way to cut a line of this kind into two names; no line that a tool writes has this many.
    """
    if line.startswith("Binary file"):
        return line.count(" and ") > _MOST_CUTS
    return line.startswith("diff --git ") and "://" in line and line.count("://") + line.count(" ") > _MOST_CUTS


def _taken(found: PatchSet) -> Iterator[tuple[int, tuple[str, int, Line]]]:
    """By its place in the text: the path, which hunk, and the line as the library understood it."""
    count = 0
    for one in found:
        path = one.path  # made anew each time it is asked for, and as long as whoever wrote it liked
        for hunk in one:
            count += 1
            for line in hunk:
                if line.diff_line_no is not None:
                    yield line.diff_line_no, (path, count, line)


def _walk(lines: list[str], taken: dict[int, tuple[str, int, Line]]) -> Patch:
    files: list[PatchFile] = []
    waiting: list[str] = []
    hunk = 0
    for place, text in enumerate(lines, 1):
        if place in taken:
            path, number, line = taken[place]
            if number != hunk:
                _open_hunk(files, waiting, path)
                waiting, hunk = [], number
            kind = _KINDS.get(text[:1], "same")
            body = text if kind == "note" else text[1:]
            files[-1].hunks[-1].lines.append(PatchLine(kind, line.source_line_no, line.target_line_no, body))
        elif text.startswith("\\") and files and not waiting:
            files[-1].hunks[-1].lines.append(PatchLine("note", None, None, text))
        else:
            waiting.append(text)
    outside = _without_hunks(files, waiting)
    return Patch(files, outside)


def _open_hunk(files: list[PatchFile], waiting: list[str], path: str) -> None:
    """What stood before the hunk is its head, and before that the head of its file."""
    *before, head = waiting or [""]
    if before or not files:
        before = _without_hunks(files, before, keep_last=True)
        files.append(PatchFile(path, before))
    files[-1].hunks.append(Hunk(head))


def _without_hunks(files: list[PatchFile], waiting: list[str], *, keep_last: bool = False) -> list[str]:
    """Files that are only renamed, binary or emptied have a head and no hunk. What is left belongs to none of them."""
    starts = [place for place, text in enumerate(waiting) if _GIT.match(text)]
    if not starts:
        return waiting
    ends = [*starts[1:], len(waiting)]
    first, whole = waiting[: starts[0]], list(zip(starts, ends, strict=True))
    left: list[str] = []
    if keep_last:
        begin, end = whole.pop()
        left = waiting[begin:end]
    for begin, end in whole:
        name = _GIT.match(waiting[begin])
        files.append(PatchFile(name["new"] if name else "", [*first, *waiting[begin:end]]))
        first = []
    return [*first, *left]
