"""The sealed view holds all of the text, and the marking shows what hides without losing a character."""

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from approvals.rules import view as marking
from approvals.rules.authorize import Effect, Rule
from approvals.rules.classify import Action
from approvals.rules.view import Kind, ViewFacts, build_view, hides_anything, mark_hidden, view_hash

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = ViewFacts(
    number="AR-1",
    agent_id=UUID(int=1),
    agent_name="Builder",
    charter="Builder works for Shop.",
    owner_team="Shop",
    accountable_person="Anna",
    initiator="Boris",
    credential="laptop",
    session_id="s1",
    tool="Bash",
    arguments={"command": "git push -f"},
    actions=[Action("push.force", "main", branch="main")],
    target={"repository": "acme/shop", "branch": None, "environment": None},
    tier="gated",
    rules=[Rule("tier.push.force", Effect.GATE, "Force-push: gated.")],
    sentence="Needs approval.",
    digest=b"\1" * 32,
    revision_id=UUID(int=2),
    revision_number=4,
    epoch=7,
    quorum=1,
    opened_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    grant_minutes=10,
)


def test_the_view_is_canonical_and_names_what_it_binds() -> None:
    view = build_view(FACTS)
    document = json.loads(view)
    assert json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == view
    assert document["binds"]["digest"] == "01" * 32
    assert document["binds"]["expires_at"] == "2026-03-01T13:00:00.000000Z"
    assert document["action"]["arguments"]["command"] == "git push -f"


def test_a_long_command_is_whole() -> None:
    tail = " " * 20_000 + "; rm -rf x"
    view = build_view(replace(FACTS, arguments={"command": "ls" + tail}))
    assert json.loads(view)["action"]["arguments"]["command"].endswith("; rm -rf x")


def test_the_same_moment_in_another_zone_is_the_same_view() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert build_view(replace(FACTS, opened_at=elsewhere)) == build_view(FACTS)


@pytest.mark.parametrize(
    "change", [{"epoch": 8}, {"charter": "x"}, {"initiator": "x"}, {"quorum": 2}, {"digest": b"\2" * 32}]
)
def test_what_changes_the_view_changes_its_hash(change: dict[str, object]) -> None:
    assert view_hash(build_view(replace(FACTS, **change))) != view_hash(build_view(FACTS))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind", "hidden"),
    [
        ("a\u202eb", Kind.BIDI, "\u202e"),
        ("a\u2066b", Kind.BIDI, "\u2066"),
        ("a\u200bb", Kind.INVISIBLE, "\u200b"),
        ("a\ufeffb", Kind.INVISIBLE, "\ufeff"),
        ("a\u00a0b", Kind.INVISIBLE, "\u00a0"),
        ("a\u2028b", Kind.INVISIBLE, "\u2028"),
        ("a\U000e0041b", Kind.INVISIBLE, "\U000e0041"),
        ("a\rb", Kind.CONTROL, "\r"),
        ("a\x08b", Kind.CONTROL, "\x08"),
        ("a\0b", Kind.CONTROL, "\0"),
        ("a\x85b", Kind.CONTROL, "\x85"),
        ("a\x1b[31mb", Kind.ESCAPE, "\x1b[31m"),
        ("a\x1b]0;title\x07b", Kind.ESCAPE, "\x1b]0;title\x07"),
        ("a\x1bb", Kind.ESCAPE, "\x1b"),
        ("gіt push", Kind.CONFUSABLE, "і"),
        ("ｇit", Kind.CONFUSABLE, "ｇ"),
    ],
)
def test_marked(text: str, kind: Kind, hidden: str) -> None:
    segments = mark_hidden(text)
    assert [(segment.kind, segment.text) for segment in segments if segment.kind is not Kind.TEXT] == [(kind, hidden)]
    assert all(segment.label for segment in segments if segment.kind is not Kind.TEXT)
    assert all(segment.label.isprintable() for segment in segments)


@pytest.mark.parametrize(
    "text",
    [
        "git push",
        "a\n\tb",
        "Grüße, señor",
        "naïve café",
        "привет мир",
        "日本語",
        "λόγος",
        "",
        "it\u2019s \u2013 all in all \u2014 fine",
        "pages 1\u20132",
        "你\uff0c好\uff01",
    ],
)
def test_honest_text_is_not_marked(text: str) -> None:
    assert not hides_anything(text)


@pytest.mark.parametrize(
    "text",
    [
        "rm x \u2013\u2013force",
        "\u2212f",
        "-\u2013x",
        "evil.com\u2215github.com",
        "a.com\uff0fb",
        "\uff04HOME",
        "ls\u037e rm",
        "1\u20242",
        "pa\u0335y",
        "g\u0131thub",
        "\u0261it",
        "\u0251dmin",
        "\u13aa\u13f4",
        "\ua4d0",
    ],
)
def test_signs_and_letters_drawn_like_plain_ones_are_marked(text: str) -> None:
    assert hides_anything(text)


def test_a_word_of_lookalikes_alone_is_marked() -> None:
    assert hides_anything("сору")


@given(st.text(st.characters(codec=None)))
def test_nothing_is_lost_and_labels_can_be_shown(text: str) -> None:
    segments = mark_hidden(text)
    assert "".join(segment.text for segment in segments) == text
    assert all(segment.text for segment in segments)
    assert all(segment.label.isprintable() for segment in segments if segment.kind is not Kind.CONFUSABLE)


# Letters of several scripts, what hides, what begins and ends an escape sequence: what the rules of marking meet on.
MEETING = "aA1_-.\u2013\uff0f\u0131\u13aa \t\nеіοο日ｇ\u1160\u3164가é\u202e\u200b\u00a0\r\0\x1b\x9b[]0;m\\\x07\ud800"


@given(st.one_of(st.text(st.characters(codec=None)), st.text(st.sampled_from(MEETING)), st.text("аосорх aо ")))
@example("")
@example("".join(map(chr, range(0x3000))))
def test_marking_is_what_looking_at_each_character_says(text: str) -> None:
    assert mark_hidden(text) == _one_by_one(text)
    assert hides_anything(text) == any(kind is not Kind.TEXT for kind, *_ in _told(text))


def _one_by_one(text: str) -> list[marking.Segment]:
    """The marking in its plainest form: nothing is remembered, and each character stands by itself at first."""
    joined: list[marking.Segment] = []
    for kind, piece, label in _told(text):
        if kind is Kind.TEXT and joined and joined[-1].kind is Kind.TEXT:
            joined[-1] = replace(joined[-1], text=joined[-1].text + piece)
        else:
            joined.append(marking.Segment(kind, piece, label))
    return joined


def _told(text: str) -> list[tuple[Kind, str, str]]:
    told: list[tuple[Kind, str, str]] = []
    end = 0
    for match in marking._HIDDEN.finditer(text):
        told += [(Kind.TEXT, letter, "") for letter in text[end : match.start()]]
        end = match.end()
        if match.lastgroup == "sign":
            told.append((Kind.CONFUSABLE, match[0], f"{match[0]} is {unicodedata.name(match[0])}"))
            continue
        kind = Kind(match.lastgroup or "")
        told += _letters(match[0]) if kind is Kind.CONFUSABLE else [(kind, match[0], _label(kind, match[0]))]
    return told + [(Kind.TEXT, letter, "") for letter in text[end:]]


def _letters(word: str) -> list[tuple[Kind, str, str]]:
    scripts = [_script(letter) for letter in word]
    alike = all(letter in marking._LOOKALIKES for letter in word)
    honest = len(set(scripts)) == 1 and scripts[0] not in marking._ALWAYS and not alike
    return [
        (Kind.TEXT, letter, "")
        if honest or script == "LATIN"
        else (Kind.CONFUSABLE, letter, f"{letter} is {unicodedata.name(letter, f'U+{ord(letter):04X}')}")
        for letter, script in zip(word, scripts, strict=True)
    ]


def _script(letter: str) -> str:
    plain = unicodedata.normalize("NFKC", letter)
    if letter.isascii():
        return "LATIN"
    if letter in marking._LATIN_LOOKALIKES:
        return "LOOKALIKE"
    if plain != letter and plain.isascii():
        return "COMPATIBILITY"
    return unicodedata.name(letter, f"U+{ord(letter):04X}").split(" ")[0]


def _label(kind: Kind, text: str) -> str:
    if len(text) > 1:
        return f"[escape sequence {text[1:]!r}]"
    names = {"\r": "CARRIAGE RETURN", "\x7f": "DELETE", "\x08": "BACKSPACE", "\0": "NULL"}
    return f"[U+{ord(text):04X} {names.get(text) or unicodedata.name(text, kind.value.upper())}]"


@pytest.mark.parametrize(
    "words", ["日本語", "привет, мир. ", "gіt ", "aа", "\u200b", "\x01", "ｇ", "\x1b[0m", "\u1160"]
)
def test_a_long_text_is_asked_about_once_for_each_of_its_characters(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    asked = 0

    class Counted:
        def __getattr__(self, name: str) -> object:
            nonlocal asked
            asked += 1
            return getattr(unicodedata, name)

    monkeypatch.setattr(marking, "unicodedata", Counted())
    text = words * 50_000
    assert "".join(segment.text for segment in mark_hidden(text)) == text
    assert asked <= 3 * len(set(words))


def test_one_mark_is_enough_to_say_that_something_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    monkeypatch.setattr(marking, "_hiding", lambda _kind, character: found.append(character))
    monkeypatch.setattr(marking, "_lookalike", found.append)
    hides_anything("\u200b" * 1000)
    hides_anything("aа" * 1000)
    assert len(found) == 2
