"""The sealed view holds all of the text, and the marking shows what hides without losing a character."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    "text", ["git push", "a\n\tb", "Grüße, señor", "naïve café", "привет мир", "日本語", "λόγος", ""]
)
def test_honest_text_is_not_marked(text: str) -> None:
    assert not hides_anything(text)


def test_a_word_of_lookalikes_alone_is_marked() -> None:
    assert hides_anything("сору")


@given(st.text(st.characters(codec=None)))
def test_nothing_is_lost_and_labels_can_be_shown(text: str) -> None:
    segments = mark_hidden(text)
    assert "".join(segment.text for segment in segments) == text
    assert all(segment.text for segment in segments)
    assert all(segment.label.isprintable() for segment in segments if segment.kind is not Kind.CONFUSABLE)
