"""A diff as HTML: side by side or one under the other by style alone, coloured, with what hides marked."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Final

from django.utils.safestring import SafeString, mark_safe

from approvals.rules.view import Kind, mark_hidden
from portal.web.colours import Span, colours, lexer_for
from portal.web.patches import Hunk, Patch, PatchFile, PatchLine, read_patch

_PLAIN: Final = re.compile(r"[\t\n\x20-\x7e]*")
_TAGS: Final = {"add": "ins", "del": "del"}
_ROLES: Final = {"same": "same", "del": "old", "add": "new"}
Dressed = tuple[PatchLine, list[Span]]
# So many lines are one piece: it is laid out only when it comes near the screen, and seen when its end was there.
PIECE: Final = 60
# Colours are an adornment: a long diff goes on without them rather than keep the reader waiting.
SECONDS: Final = 0.15
SEEN: Final = '<i class="seen" data-seen></i>'
# A line without an end is a piece of its own after so many characters: it wraps into as many lines as it is long.
PIECE_CHARACTERS: Final = 4000
_TOKEN: Final = re.compile(r"<[^>]*>|&[^;]*;|\n|[^<&\n]+")


@dataclass(frozen=True, slots=True)
class FileShown:
    """One file of a diff. ``html`` is all of it: its head and every line, escaped."""

    name: str
    added: int
    removed: int
    html: SafeString


@dataclass(frozen=True, slots=True)
class PatchShown:
    """A diff ready to be put on a page. ``outside``: lines that belong to no file."""

    files: list[FileShown]
    outside: SafeString
    added: int
    removed: int
    marks: int


@lru_cache(maxsize=16)
def shown_patch(text: str, name: str = "") -> PatchShown | None:
    """The diff, dressed; None when it cannot be read as one. ``name`` is the file's where the diff does not say it."""
    patch = read_patch(text)
    return None if patch is None else _dressed(patch, name)


def _dressed(patch: Patch, name: str) -> PatchShown:
    until = monotonic() + SECONDS
    marks = 0
    files = []
    for one in patch.files:
        html, found = _file(one, name, until)
        marks += found
        files.append(FileShown(one.name or name, one.added, one.removed, html))
    outside, found = dressed_text("\n".join(patch.outside), [])
    marks += found
    shown = watched(outside) if patch.outside else SafeString("")
    return PatchShown(files, shown, patch.added, patch.removed, marks)


def watched(html: str) -> SafeString:
    """Escaped text with a mark at its end, after every so many lines, and in a line that has no end.

    A part of the page was seen when all of its marks were on the screen: whoever jumps to the end has not seen it.
    """
    pieces: list[str] = []
    lines = characters = 0
    for word in _TOKEN.findall(html):
        if word == "\n":
            lines, characters = lines + 1, 0
            pieces.append(word)
            if lines == PIECE:
                pieces.append(SEEN)
                lines = 0
        elif word.startswith("<"):
            pieces.append(word)
        else:
            at = 0
            while characters + len(word) - at >= PIECE_CHARACTERS:
                cut = at + PIECE_CHARACTERS - characters
                pieces += [word[at:cut], SEEN]
                at, lines, characters = cut, 0, 0
            pieces.append(word[at:])
            characters += len(word) - at
    return mark_safe("".join([*pieces, SEEN]))  # noqa: S308 (what comes in is escaped)


def _file(one: PatchFile, name: str, until: float) -> tuple[SafeString, int]:
    pieces: list[str] = []
    marks = 0
    head = [dressed_text(text, []) for text in one.head]
    marks += sum(found for _, found in head)
    if head:
        text = watched("\n".join(html for html, _ in head))
        pieces.append(f'<div class="ph">{text}</div>')
    for hunk in one.hunks:
        html, found = _hunk(hunk, one.name or name, until)
        pieces.append(html)
        marks += found
    return mark_safe("".join(pieces)), marks  # noqa: S308 (every piece is escaped in _line)


def _hunk(hunk: Hunk, name: str, until: float) -> tuple[str, int]:
    spans = _spans(hunk, name) if monotonic() < until else [[]] * len(hunk.lines)
    head, marks = dressed_text(hunk.head, [])
    pieces = [f'<div class="ph ph--hunk">{head}</div>']
    rows: list[str] = []
    count = 0
    for block in _blocks(list(zip(hunk.lines, spans, strict=True))):
        shown: list[str] = []
        for line, colour in block:
            html, found = dressed_text(line.text, colour)
            marks += found
            shown.append(_row(line, html))
        rows.append(f'<div class="pb">{"".join(shown)}</div>')
        count += len(block)
        if count >= PIECE:
            pieces.append(_piece(rows))
            rows, count = [], 0
    return "".join([*pieces, _piece(rows)]), marks


def _piece(rows: list[str]) -> str:
    return f'<div class="pg">{"".join(rows)}{SEEN}</div>' if rows else ""


def _blocks(lines: list[Dressed]) -> Iterator[list[Dressed]]:
    """Pieces of lines that stayed, and of lines that changed: what was taken away, then what took its place.

    Side by side a changed piece is one pair, and the two stay level with each other across the cuts.
    """
    for run in _runs(lines):
        old = [item for role, item in run if role != "new"]
        new = [item for role, item in run if role == "new"]
        for at in range(0, max(len(old), len(new)), PIECE):
            yield [*old[at : at + PIECE], *new[at : at + PIECE]]


def _runs(lines: list[Dressed]) -> Iterator[list[tuple[str, Dressed]]]:
    """Lines that stand together, each with its side; a note belongs to the line before it."""
    run: list[tuple[str, Dressed]] = []
    role = "same"
    for item in lines:
        before, role = role, _ROLES.get(item[0].kind, role)
        if run and ((role == "same") != (before == "same") or (before == "new" and role == "old")):
            yield run
            run = []
        run.append((role, item))
    if run:
        yield run


def _row(line: PatchLine, html: str) -> str:
    old = "" if line.old is None else f' data-o="{line.old}"'
    new = "" if line.new is None else f' data-n="{line.new}"'
    tag = _TAGS.get(line.kind)
    once = watched(html) if len(line.text) >= PIECE_CHARACTERS else html
    if tag:
        return f'<{tag} class="pl"{old}{new}>{once}\n</{tag}>'
    if line.kind == "note":
        return f'<span class="pl pl--note">{once}\n</span>'
    # The second copy stands on the right, side by side only; it is the first that is read, and watched.
    copy = f'<span class="pl pl--copy"{new} aria-hidden="true">{html}\n</span>'
    return f'<span class="pl"{old}{new}>{once}\n</span>{copy}'


def _spans(hunk: Hunk, name: str) -> list[list[Span]]:
    """The colours of each line, read in the text of its own side."""
    lexer = lexer_for(name)
    if lexer is None:
        return [[]] * len(hunk.lines)
    spans: list[list[Span]] = [[] for _ in hunk.lines]
    for other in ("del", "add"):  # the new side last: what is on both is read in it
        places = [at for at, line in enumerate(hunk.lines) if line.kind not in {other, "note"}]
        if other == "add" and not any(line.kind == "del" for line in hunk.lines):
            continue
        for at, found in zip(places, colours([hunk.lines[at].text for at in places], lexer), strict=True):
            spans[at] = spans[at] or found
    return spans


def dressed_text(text: str, spans: list[Span]) -> tuple[str, int]:
    """The text escaped, with its colours and, over them, a mark in place of each character that hides something."""
    if _PLAIN.fullmatch(text):
        return _coloured(text, 0, spans), 0
    pieces: list[str] = []
    at = marks = 0
    for segment, alike in groupby(mark_hidden(text)):
        times = sum(1 for _ in alike)
        if segment.kind is Kind.TEXT:
            pieces.append(_coloured(segment.text, at, spans))
        else:
            # The same one many times over is one mark with its number: a page of 200,000 marks could not be read.
            marks += times
            label = escape(segment.label.strip("[]")) + (f" ×&nbsp;{times:,}" if times > 1 else "")
            pieces.append(f'<mark class="hidden-mark" title="{segment.kind.value}">{label}</mark>')
        at += len(segment.text) * times
    return "".join(pieces), marks


def _coloured(text: str, start: int, spans: list[Span]) -> str:
    """A stretch of a line that begins at ``start``, with the colours that fall into it."""
    if not spans:
        return escape(text)
    pieces: list[str] = []
    at = start
    end = start + len(text)
    # Only from the first colour that reaches into it: a text can have as many stretches as it has colours.
    for place in range(bisect_right(spans, start, key=_last_of), len(spans)):
        first, last, css = spans[place]
        if first >= end:
            break
        begin, stop = max(first, at), min(last, end)
        if begin >= stop:
            continue
        pieces.append(escape(text[at - start : begin - start]))
        pieces.append(f'<b class="{css}">{escape(text[begin - start : stop - start])}</b>')
        at = stop
    pieces.append(escape(text[at - start :]))
    return "".join(pieces)


_last_of: Final = itemgetter(1)
