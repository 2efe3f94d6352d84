"""Pictures and words: charts tell the truth in text too, hidden characters are seen, diffs lose no line."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web import charts, clock, difflines, hidden, icons, states

counts = st.fixed_dictionaries({}, optional=dict.fromkeys(("allow", "review", "deny", "other"), st.integers(0, 10**6)))


@given(st.lists(st.tuples(st.text(max_size=8), counts), max_size=40))
def test_a_sparkline_is_well_formed_stays_in_its_box_and_uses_no_style(series: list[charts.Point]) -> None:
    drawn = str(charts.sparkline([(re.sub(r"[^\w]", "", day), numbers) for day, numbers in series], label="<Bot> & co"))
    root = ET.fromstring(drawn)  # noqa: S314 (our own drawing)
    assert "style=" not in drawn
    for rect in root.iter("rect"):
        assert float(rect.attrib["y"]) >= 0
        assert float(rect.attrib["y"]) + float(rect.attrib["height"]) <= charts.HEIGHT
    assert root.attrib["role"] == "img"


def test_the_sentence_behind_a_sparkline() -> None:
    series: list[charts.Point] = [("1 Nov", {"allow": 3, "deny": 1}), ("2 Nov", {"allow": 1200})]
    assert charts.summary(series) == "2 days: 1,203 allowed, 1 denied. Most on 2 Nov: 1,200."
    assert charts.summary([("1 Nov", {})]) == "1 day: no decisions."


def test_one_denial_among_many_is_still_drawn() -> None:
    assert "fill-forbidden" in charts.sparkline([("1 Nov", {"allow": 100_000, "deny": 1})])
    assert "fill-forbidden" in charts.bar({"allow": 100_000, "deny": 1}, 100_001)


def test_bars_escape_names_and_print_numbers() -> None:
    drawn = charts.stacked_bars([("<script>", {"allow": 1500})], caption="By agent", heading="Agent")
    assert "<script>" not in drawn
    assert "1,500" in drawn


@pytest.mark.parametrize(
    "character", ["\u200b", "\u202e", "\u2066", "\u00ad", "\x1b", "\u00a0", "\ufeff", "\r", "\U000e0041"]
)
def test_hidden_characters_are_marked_by_code_point(character: str) -> None:
    shown = hidden.marked(f"a{character}b")
    assert f"U+{ord(character):04X}" in shown
    assert character not in shown
    assert hidden.count_hidden(f"a{character}b") == 1


def test_many_of_one_in_a_row_are_one_mark() -> None:
    shown = hidden.marked("a" + "\u200b" * 200_000 + "漢漢")
    assert shown.count("<mark") == 1
    assert "U+200B ×&nbsp;200,000</mark>漢漢" in shown


def test_what_is_shown_stays_escaped() -> None:
    assert hidden.marked("<b>&\u200b</b>").startswith("&lt;b&gt;&amp;<mark")
    assert hidden.marked("plain\n\ttext é 漢") == "plain\n\ttext é 漢"


@given(st.text())
def test_marking_never_lets_markup_through(text: str) -> None:
    mark = r'<mark class="hidden-mark" title="[^"<>]*">U\+[0-9A-F]+(?: ×&nbsp;[0-9,]+)?</mark>'
    without = re.sub(mark, "", hidden.marked(text))
    assert "<" not in without
    assert ">" not in without


DIFF = """diff --git a/x b/x
--- a/x
+++ b/x
@@ -1,3 +1,3 @@
 keep
--- a/looks-like-a-head
+++ b/looks-like-a-head
 end
@@ -9 +9,2 @@
 same
+more
\\ No newline at end of file
"""


def test_a_diff_is_numbered_and_not_fooled_by_its_own_signs() -> None:
    lines = list(difflines.parse(DIFF))
    assert [line.kind for line in lines] == (
        ["file", "meta", "meta", "hunk", "same", "del", "add", "same", "hunk", "same", "add", "note"]
    )
    removed = lines[5]
    assert (removed.old, removed.new, removed.text) == (2, None, "-- a/looks-like-a-head")
    assert (lines[10].old, lines[10].new) == (None, 10)
    assert difflines.tally(lines) == (2, 1)


@given(st.text(alphabet=st.sampled_from("+-@ \\d1,\nif")))
def test_no_line_of_a_diff_is_dropped(text: str) -> None:
    assert len(list(difflines.parse(text))) == len(text.removesuffix("\n").split("\n"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3600, "1 h"),
        (4320, "1 h 12 min"),
        (86400, "1 day"),
        (180_000, "2 days 2 h"),
    ],
)
def test_spans(seconds: int, words: str) -> None:
    assert clock.span(seconds) == words


def test_every_state_has_a_word_and_a_shape_of_its_own_within_its_kind() -> None:
    for kind, looks in states.LOOKS.items():
        # Two values may share a whole look; two looks never share a shape.
        shapes = [look.icon for look in set(looks.values())]
        for look in looks.values():
            assert icons.shapes(look.icon)
            assert look.meaning in {"free", "gated", "forbidden", "stopped", "neutral"}
        if kind != "run":
            assert len(set(shapes)) == len(shapes), kind


def test_an_unknown_state_is_shown_without_colour() -> None:
    assert states.look("tier", "half_free") == states.Look("Half free", "circle-dashed", "neutral")


@pytest.mark.parametrize("name", ["../settings", "nothing-like-it", ""])
def test_no_icon_by_any_other_name(name: str) -> None:
    with pytest.raises(ValueError, match="icon"):
        icons.icon(name)
