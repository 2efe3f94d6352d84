"""A text on the page: all of it, with its colours and its marks, and no colour looked at again for each mark."""

import re
from html import unescape
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.view import Kind, mark_hidden
from approvals.web.patch import PIECE, PIECE_CHARACTERS, SEEN, dressed_text, shown_patch, watched
from portal.web.colours import Span


class Counted(list[Span]):
    """Colours that know how often they were looked at."""

    looked = 0

    def __getitem__(self, place: Any) -> Any:
        Counted.looked += 1
        return super().__getitem__(place)


def test_a_mark_does_not_make_all_colours_be_looked_at_again() -> None:
    count = 5_000
    text = "'b'\u200b " * count
    spans = Counted((at * 5, at * 5 + 3, "s") for at in range(count))
    html, marks = dressed_text(text, spans)
    assert marks == count
    assert html.count('<b class="s">&#x27;b&#x27;</b>') == count
    # To find the first one takes as many looks as it can be halved; all of them for each mark would be millions.
    assert Counted.looked < count * 2 * count.bit_length()


@st.composite
def coloured(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(st.sampled_from("ab<&'\u200b\x1b\n і")))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [(first, last, "ks"[at % 2]) for at, (first, last) in enumerate(pairs)]


@given(coloured())
def test_every_character_is_there_in_its_colour(given_: tuple[str, list[Span]]) -> None:
    text, spans = given_
    html, marks = dressed_text(text, spans)
    by_place = {at: css for first, last, css in spans for at in range(first, last)}
    expected: list[tuple[str, str]] = []
    at = 0
    for segment in mark_hidden(text):
        if segment.kind is not Kind.TEXT:
            expected.append(("mark", segment.label.strip("[]")))
        else:
            expected += [(by_place.get(at + place, ""), letter) for place, letter in enumerate(segment.text)]
        at += len(segment.text)
    found: list[tuple[str, str]] = []
    for css, colour, label, plain in re.findall(
        r'<b class="(.)">([^<]*)</b>|<mark class="hidden-mark" title="[a-z]+">([^<]*)</mark>|([^<]+)', html
    ):
        name, _, times = unescape(label).partition(" ×\u00a0")
        marked = [("mark", name)] * int(times.replace(",", "") or 1)
        found += marked if label else [(css, letter) for letter in unescape(colour or plain)]
    assert found == expected
    assert marks == sum(kind == "mark" for kind, _ in expected)


def test_many_of_one_in_a_row_are_one_mark() -> None:
    html, marks = dressed_text("a" + "\u200b" * 200_000 + "b", [])
    assert (marks, html.count("<mark")) == (200_000, 1)
    assert "ZERO WIDTH SPACE ×&nbsp;200,000</mark>" in html


@given(coloured())
def test_marks_for_what_was_seen_change_no_text(found: tuple[str, list[Span]]) -> None:
    html, _ = dressed_text(*found)
    marked = watched(html)
    assert marked.replace(SEEN, "") == html
    assert marked.endswith(SEEN)


def test_a_long_text_is_seen_piece_by_piece() -> None:
    """Whoever jumps to its end has not seen it: no more lines, and no more of one line, than a piece has no mark."""
    lines = watched("\n".join(f"line {number}" for number in range(10 * PIECE)))
    assert [part.count("\n") for part in lines.split(SEEN)] == [PIECE] * 9 + [PIECE - 1, 0]
    line = watched("x" * (PIECE_CHARACTERS * 3 + 5))
    assert [len(part) for part in line.split(SEEN)] == [PIECE_CHARACTERS] * 3 + [5, 0]
    assert watched("gh pr merge 7").count(SEEN) == 1


def test_every_part_of_a_difference_is_seen() -> None:
    """A head, a long line on either side, and lines that belong to no file have marks of their own."""
    long = "y" * (PIECE_CHARACTERS * 2)
    shown = shown_patch(f"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n {long}\n-a\n+{long}\n")
    assert shown is not None
    assert shown.files[0].html.count(SEEN) == 1 + 3 + 3 + 1
    copy = shown.files[0].html.split("pl--copy", 1)[1].split("</span>", 1)[0]
    assert SEEN not in copy
    stray = shown_patch("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n" + "\n".join(["rm -rf tail"] * PIECE))
    assert stray is not None
    assert stray.outside.count("rm -rf tail") == PIECE
    assert stray.outside.count(SEEN) == 1
