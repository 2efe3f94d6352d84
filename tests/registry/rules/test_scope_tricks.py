"""The nine dimensions against tricks: one spelling each, nothing hidden, blocked wins, and no other dimension."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules import names
from registry.rules.commands import Blocked
from registry.rules.names import Refused
from registry.rules.policy import Policy, PolicyError
from registry.rules.scope import (
    BLOCKING,
    READERS,
    CompiledScope,
    Match,
    Scope,
    compile_lists,
    compile_scope,
    match_branch,
    match_command,
    match_credential,
    match_environment,
    match_host,
    match_model,
    match_path,
    match_repository,
    match_tool,
)
from tests.policies import SCOPES

SCOPE = compile_scope(
    Scope(
        repositories=("acme/shop", "acme/pay#77", "git.acme.com/a/b#77"),
        branches_allowed=("feature/**",),
        branches_protected=("feature/locked",),
        paths_allowed=("src/**",),
        paths_blocked=("src/secret/", "*.pem"),
        environments=("staging",),
        hosts=("api.example.com",),
        models=("claude-5", "openai/gpt-5"),
        tools=("Bash", "mcp__github__*"),
        commands_allowed=("npm",),
        commands_blocked=("npm publish",),
        credentials=("github-app",),
    )
)
ASKED: dict[str, tuple[Callable[[CompiledScope, Any], Any], str]] = {
    "repository": (match_repository, "acme/shop"),
    "branch": (match_branch, "feature/a"),
    "path": (match_path, "src/a.py"),
    "environment": (match_environment, "staging"),
    "host": (match_host, "api.example.com"),
    "model": (match_model, "claude-5"),
    "tool": (match_tool, "Bash"),
    "credential": (match_credential, "github-app"),
}


def disguises(name: str) -> list[str]:
    """Spellings that a person would read as ``name``, or that another reader would turn into it."""
    return [
        name.replace("a", "а"),  # Cyrillic
        name.replace("a", "ａ"),  # full width
        name.replace("/", "∕"),  # division slash
        name.replace("-", "‐"),  # hyphen
        name[:2] + "\u200b" + name[2:],
        name[:2] + "\u00ad" + name[2:],
        "\u202e" + name,
        name + "\u0301",
        name + "\n",
        name + "\0",
        " " + name,
        name + " ",
        name + "/..",
        "../" + name,
        name + "%00",
        name.replace("a", "%61"),
        name.replace("/", "%2f") + "%2f",
        name + "\\",
        name + ":x/..",
    ]


@pytest.mark.parametrize("dimension", ASKED)
def test_a_disguise_is_never_the_listed_name(dimension: str) -> None:
    match, name = ASKED[dimension]
    assert match(SCOPE, name).allowed
    for disguise in disguises(name):
        if disguise == name:
            continue  # nothing in this name to be disguised so
        found = match(SCOPE, disguise)
        inside = dimension in {"path", "branch"} and found.match is Match.ALLOWED
        # Below src/ and feature/ a letter of another script is another name there, and is allowed as that.
        assert not found.allowed or (inside and found.name == disguise != name), disguise


@pytest.mark.parametrize("dimension", ASKED)
@pytest.mark.parametrize("name", [None, 1, True, b"acme/shop", ["acme/shop"], {}, "", "x" * 2_000])
def test_what_is_not_a_text_of_some_length_is_refused(dimension: str, name: object) -> None:
    match, _ = ASKED[dimension]
    assert match(SCOPE, name).match is Match.REFUSED


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("src/secret/a.py", Match.BLOCKED),
        ("src/secret", Match.BLOCKED),
        ("src//secret/./a.py", Match.BLOCKED),
        ("SRC/Secret/a.py", Match.BLOCKED),
        ("src/ſecret/a.py", Match.REFUSED),
        ("src/secret./a.py", Match.REFUSED),
        ("src/secret /a.py", Match.REFUSED),
        ("src/x/../secret/a.py", Match.REFUSED),
        ("src/%73ecret/a.py", Match.REFUSED),
        ("src/ｓecret/a.py", Match.REFUSED),
        ("src/secret\u200b/a.py", Match.REFUSED),
        ("src/k.PEM", Match.BLOCKED),
        ("src/k.pem::$DATA", Match.REFUSED),
        ("src/secrets/a.py", Match.ALLOWED),
    ],
)
def test_blocked_wins_over_allowed_however_it_is_spelled(path: str, match: Match) -> None:
    assert match_path(SCOPE, path).match is match


def test_a_protected_branch_wins_over_an_allowed_one() -> None:
    for name in ("feature/locked", "refs/heads/feature/locked", "FEATURE/locked", "feature/Locked"):
        assert match_branch(SCOPE, name).match is Match.BLOCKED


def test_a_blocked_command_wins_over_an_allowed_one() -> None:
    assert match_command(SCOPE, ("npm", "publish")) == (Blocked.YES, True)
    assert match_command(SCOPE, ("npm", "test")) == (Blocked.NO, True)
    assert match_command(SCOPE, ("NPM", "test")) == (Blocked.NO, False)


@pytest.mark.parametrize(
    ("name", "number", "match"),
    [
        ("acme/pay", 77, Match.ALLOWED),
        ("https://github.com/Acme/Pay.git", "77", Match.ALLOWED),
        ("acme/payments-renamed", "77", Match.ALLOWED),
        ("acme/pay", "78", Match.REFUSED),
        ("acme/pay", "0", Match.REFUSED),
        ("acme/pay", "-77", Match.REFUSED),
        ("acme/pay", "7.7e1", Match.REFUSED),
        ("acme/pay", "٧٧", Match.REFUSED),
        ("acme/pay", "9" * 30, Match.REFUSED),
        ("acme/pay", True, Match.REFUSED),
        ("acme/shop", "123", Match.ALLOWED),
        ("git.acme.com/a/b", "77", Match.ALLOWED),
        ("git.acme.com/a/b", "78", Match.REFUSED),
        ("git.acme.com/moved/b", "77", Match.ALLOWED),
        ("evil.example/acme/pay", "77", Match.OUTSIDE),
        ("evil.example/a/b", "77", Match.OUTSIDE),
        ("acme/..", "77", Match.REFUSED),
    ],
)
def test_a_renamed_repository_is_known_by_the_id_of_its_own_host(name: str, number: object, match: Match) -> None:
    assert match_repository(SCOPE, name, number).match is match


def test_pins_of_one_name_are_each_taken() -> None:
    scope = compile_scope(Scope(repositories=("acme/*", "acme/pay#1", "acme/pay#2")))
    assert [match_repository(scope, "acme/pay", number).allowed for number in ("1", "2", "3", None)] == [1, 1, 0, 1]
    assert match_repository(scope, "acme/other", "3").allowed


def test_a_list_left_out_says_nothing_and_an_empty_one_allows_nothing() -> None:
    silent, empty = compile_lists({}), compile_lists(dict.fromkeys(READERS, ()))
    for dimension, (match, name) in ASKED.items():
        assert match(silent, name).allowed, dimension
        assert not match(empty, name).allowed, dimension
    assert match_command(silent, ("npm",)) == (Blocked.NO, True)
    assert match_command(empty, ("npm",)) == (Blocked.NO, False)
    # A name without a safe form is refused by a list that says nothing, too.
    assert match_repository(silent, "acme/..").match is Match.REFUSED


def test_an_unknown_dimension_is_not_passed_over() -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_document({"scope": {"countries": ["de"], "repositories": []}, "Scope": {}})
    assert {error["pointer"] for error in caught.value.errors} == {"/scope/countries", "/Scope"}
    assert "Known are: repositories, " in caught.value.errors[1]["detail"]


def test_any_model_is_any_provider_too() -> None:
    anything = compile_scope(Scope(models=("*",)))
    assert all(match_model(anything, name, whose).allowed for name, whose in [("a", None), ("a/b", None), ("a/b", "c")])


NAME = st.text(st.sampled_from("aA9._-/:*?#@ %\u00e4\uff41\u200b\u0430"), max_size=12)
NORMALISED: dict[str, Callable[[str], str]] = {
    "repository": names.normalise_repository,
    "repository id": names.normalise_repository_id,
    "branch": names.normalise_branch,
    "path": names.normalise_path,
    "host": names.normalise_host,
    "environment": names.normalise_environment,
    "model": names.normalise_model,
    "provider": names.normalise_provider,
    "tool": names.normalise_tool,
    "kind": names.normalise_kind,
    "task": names.normalise_task,
    **READERS,
}


@given(st.sampled_from(sorted(NORMALISED)), NAME)
def test_a_normal_form_is_its_own_normal_form(kind: str, name: str) -> None:
    normalise = NORMALISED[kind]
    try:
        normal = normalise(name)
    except Refused:
        return
    assert normalise(normal) == normal


@given(SCOPES)
def test_every_scope_that_is_taken_compiles_and_reads_back(scope: Scope) -> None:
    document = Policy(scope=scope).to_document()
    assert Policy.from_document(document).scope == scope
    compiled = compile_scope(scope)
    for name in READERS:
        said = getattr(scope, name) is not None and (name not in BLOCKING or bool(getattr(scope, name)))
        assert (getattr(compiled, name) is not None) is said
