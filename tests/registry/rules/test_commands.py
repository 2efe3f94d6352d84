"""Command patterns: strict where they allow, generous where they block, and quick whatever is typed."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.commands import (
    MOST_SIGNS,
    MOST_WORDS,
    Blocked,
    Commands,
    command_pattern,
    covers_command,
    shortened,
)
from registry.rules.names import Refused


@pytest.mark.parametrize(
    ("pattern", "command", "allowed"),
    [
        ("npm test", "npm test", True),
        ("npm test", "npm test --watch", True),
        ("npm test", "npm", False),
        ("npm test", "npm tests", False),
        ("npm test", "npm run test", False),
        ("npm test", "npm -s test", False),
        ("npm test", "NPM test", False),
        ("npm test", "npm Test", False),
        ("npm test", "./npm test", False),
        ("npm run *", "npm run build", True),
        ("npm run *", "npm run", False),
        ("npm run test:*", "npm run test:unit", True),
        ("npm run test:*", "npm run build", False),
        ("make", "make deploy", True),
        ("g?t", "git x", True),
        ("g?t", "gіt x", False),
        ("./gradlew", "./gradlew build", True),
        ("*test", "npm test", False),
        ("*test", "pytest -q", True),
    ],
)
def test_a_list_that_allows_is_read_word_for_word(pattern: str, command: str, *, allowed: bool) -> None:
    assert Commands([command_pattern(pattern)]).allows(command.split()) is allowed


@pytest.mark.parametrize(
    ("pattern", "command", "blocked"),
    [
        ("git push", "git push", Blocked.YES),
        ("git push", "git push origin main", Blocked.YES),
        ("git push", "git -C dir push", Blocked.YES),
        ("git push", "git -c a=b --no-pager push", Blocked.YES),
        ("git push", "git --git-dir=x push", Blocked.YES),
        ("git push", "/usr/bin/git push", Blocked.YES),
        ("git push", "./git push", Blocked.YES),
        ("git push", "GIT PUSH", Blocked.YES),
        ("git push", "git.exe push", Blocked.YES),
        ("git push", "C:\\Git\\git.exe push", Blocked.YES),
        ("git push", "git commit -m push", Blocked.NO),
        ("git push", "git stash push", Blocked.NO),
        ("git push", "git pushes", Blocked.NO),
        ("git push", "legit push", Blocked.NO),
        ("git push", "git", Blocked.NO),
        ("git push", "git ? push", Blocked.MAYBE),
        ("git push", "git ?", Blocked.MAYBE),
        ("git push", "git -C ? push", Blocked.YES),
        ("git push", "? push", Blocked.MAYBE),
        ("git push", "git log ?", Blocked.NO),
        ("cargo publish", "cargo +nightly publish", Blocked.YES),
        ("kubectl delete *", "kubectl -n prod delete pod", Blocked.YES),
        ("kubectl delete *", "kubectl delete", Blocked.NO),
        ("kubectl * pod", "kubectl delete -f pod", Blocked.YES),
        ("kubectl", "kubectl", Blocked.YES),
        ("kube*", "kubectl get", Blocked.YES),
        ("kube*", "/opt/KubeCtl get", Blocked.YES),
        ("./deploy.sh", "scripts/deploy.sh", Blocked.YES),
    ],
)
def test_a_list_that_blocks_is_read_generously(pattern: str, command: str, blocked: Blocked) -> None:
    words = [None if word == "?" else word for word in command.split()]
    assert Commands(["other thing", command_pattern(pattern)]).blocks(words) is blocked


@pytest.mark.parametrize(
    "pattern",
    ["", " ", "*", "**", "* push", "? x", "git 'push'", "git $X", "git;rm", "a|b", "a&&b", "git\u200b",
     "gіt push", "a b c d e f g h i", "x" * 201, "a***", "git `x`", "-", "~/x", "git #", 7, None, ["git"]],
)  # fmt: skip
def test_patterns_that_are_not_plain_words(pattern: object) -> None:
    with pytest.raises(Refused):
        command_pattern(pattern)


def test_spaces_have_one_form() -> None:
    assert command_pattern("  git   push ") == "git push"


def test_a_pattern_is_not_a_regular_expression() -> None:
    assert not Commands(["a.c"]).allows(["abc"])
    assert Commands(["a.c"]).allows(["a.c"])
    assert Commands(["a+"]).blocks(["aa"]) is Blocked.NO


def test_what_is_too_long_may_be_anything() -> None:
    words = shortened(["git", *["-a"] * 100, "push"])
    assert len(words) == MOST_WORDS + 1
    assert words[-1] is None
    assert Commands(["git push"]).blocks(words) is Blocked.MAYBE
    assert shortened(["git", "x" * (MOST_SIGNS + 1)]) == ("git", None)
    assert shortened(["git", "push"]) == ("git", "push")


def test_many_options_and_wildcards_are_followed_side_by_side() -> None:
    # One way at a time this would be 2**60 ways.
    command = ["git", *["-a"] * 62]
    assert Commands(["git * * * * * * x"]).blocks(command) is Blocked.NO
    assert Commands(["git *a*b"]).blocks(["git", "a" * MOST_SIGNS]) is Blocked.NO


WORDS = ["a", "b", "ab", "-a", "*", "a*", "?"]
PATTERNS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda rest: " ".join(["g", *rest]))
COMMANDS = st.lists(st.sampled_from(["a", "b", "ab", "-a", "-b", None, "c"]), max_size=5).map(lambda rest: ["g", *rest])


@given(PATTERNS, PATTERNS, st.lists(COMMANDS, min_size=5))
def test_covering_is_true_for_both_readings(wide: str, narrow: str, commands: list[list[str | None]]) -> None:
    if not covers_command(wide, narrow):
        return
    order = list(Blocked)
    for command in commands:
        assert Commands([wide]).allows(command) >= Commands([narrow]).allows(command)
        blocks = [order.index(Commands([one]).blocks(command)) for one in (wide, narrow)]
        assert blocks[0] >= blocks[1]


@given(PATTERNS, COMMANDS)
def test_what_is_allowed_by_a_pattern_is_blocked_by_it_too(pattern: str, command: list[str | None]) -> None:
    commands = Commands([pattern])
    if commands.allows(command):
        assert commands.blocks(command) is Blocked.YES


@given(PATTERNS, st.lists(st.sampled_from(["a", "b", "-a"]), max_size=4))
def test_hiding_a_word_never_unblocks(pattern: str, rest: list[str]) -> None:
    commands = Commands([pattern])
    if commands.blocks(["g", *rest]) is Blocked.NO:
        return
    for hidden in product([False, True], repeat=len(rest)):
        words = [None if hide else word for hide, word in zip(hidden, rest, strict=True)]
        assert commands.blocks(["g", *words]) is not Blocked.NO
