"""Reading and colouring a difference: every line of it stands in its place, whatever somebody put between."""

import difflib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.web.colours import MOST_OF_LINE, colours, lexer_for, stretches
from portal.web.patches import Patch, read_patch

GIT = """diff --git a/old.bin b/old.bin
Binary files a/old.bin and b/old.bin differ
diff --git a/x b/y
similarity index 100%
rename from x
rename to y
diff --git a/f.py b/f.py
index 1..2 100644
--- a/f.py
+++ b/f.py
@@ -1 +1 @@ def one
-a = 1
+a = 2
\\ No newline at end of file
@@ -9,2 +9,1 @@
 x
--- rm -rf /
diff --git a/g b/g
--- a/g
+++ b/g
@@ -0,0 +1 @@
++++ b/evil
rm -rf tail
"""
TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12)
LINES = st.lists(TEXT, max_size=12)


def every_line(patch: Patch) -> list[str]:
    """The text again, from what was understood of it."""
    sign = {"same": " ", "add": "+", "del": "-", "note": ""}
    lines = []
    for file in patch.files:
        lines += file.head
        for hunk in file.hunks:
            lines.append(hunk.head)
            lines += [f"{sign[line.kind]}{line.text}" for line in hunk.lines]
    return [*lines, *patch.outside]


def test_a_difference_of_every_kind() -> None:
    """A removed line that looks like a head is a removed line; what follows the last hunk is not passed over."""
    patch = read_patch(GIT)
    assert patch is not None
    assert [file.name for file in patch.files] == ["old.bin", "y", "f.py", "g"]
    assert every_line(patch) == GIT.removesuffix("\n").split("\n")
    assert patch.outside == ["rm -rf tail"]
    assert (patch.added, patch.removed) == (2, 2)
    numbered = [(line.kind, line.old, line.new) for line in patch.files[2].hunks[0].lines]
    assert numbered == [("del", 1, None), ("add", None, 1), ("note", None, None)]


@given(LINES, LINES, LINES)
@example(["--- a", "+++ b"], ["@@ -1 +1 @@"], ["diff --git a/x b/x"])
def test_no_line_of_a_difference_is_lost(before: list[str], after: list[str], tail: list[str]) -> None:
    """Whatever is changed into whatever, and whatever stands after it."""
    lines = [*difflib.unified_diff(before, after, "a/x", "b/x", lineterm=""), *tail]
    patch = read_patch("\n".join(lines))
    if patch is None:
        # Then it is shown whole as text. A real difference with nothing after it can always be read.
        assert tail or before == after
    else:
        assert every_line(patch) == "\n".join(lines).removesuffix("\n").split("\n")


@pytest.mark.parametrize(
    "text",
    ["", "hello", "@@ -1,9 +1,9 @@\n x\n", "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n+c\n+d\n@@ -1 +1,9 @@\n", "@@ @@\n+x"],
)
def test_what_is_no_difference_is_not_taken_for_one(text: str) -> None:
    patch = read_patch(text)
    assert patch is None or every_line(patch) == text.removesuffix("\n").split("\n")


def test_colours_stay_within_their_lines() -> None:
    lexer = lexer_for("src/app.py")
    assert lexer is not None
    lines = ['def one():  # "no string"', '    return """two', "lines", 'here""" + 1']
    found = colours(lines, lexer)
    assert (0, 3, "k") in found[0]
    assert [css for _, _, css in found[2]] == ["s"]
    assert all(
        0 <= begin < end <= len(line) for line, spans in zip(lines, found, strict=True) for begin, end, _ in spans
    )


@given(st.text(max_size=200))
def test_colours_of_anything(text: str) -> None:
    lexer = lexer_for("x.sh")
    assert lexer is not None
    lines = text.split("\n")
    for line, spans in zip(lines, colours(lines, lexer), strict=True):
        assert all(0 <= begin < end <= len(line) for begin, end, _ in spans)


def test_a_line_that_would_be_slow_has_no_colours() -> None:
    lexer = lexer_for("x.js")
    assert lexer is not None
    assert stretches("a" * (MOST_OF_LINE + 1), lexer) == []
    assert lexer_for("unknown.ending") is None


def test_a_text_that_keeps_a_lexer_busy_has_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Java's patterns take two minutes for sixty thousand signs of “a a a”."""
    lexer = lexer_for("X.java")
    assert lexer is not None
    assert stretches("int a;", lexer)
    monkeypatch.setattr("portal.web.colours.SECONDS", -1.0)
    assert stretches("int a;", lexer) == []
