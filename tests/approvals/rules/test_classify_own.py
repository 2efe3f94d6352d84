"""What each action carries of its command, the size of an edit, and the organisation's own actions."""

from typing import Any

import pytest

from approvals.rules.classify import Action, Classified, classify
from registry.rules.catalogue import Catalogue
from registry.rules.commands import MOST_WORDS
from registry.rules.restriction import Baseline
from tests.approvals.rules.test_classify_shell import ALL_COMMANDS
from tests.red_team.test_commands import HOSTILE

CWD = "/home/dev/shop"
ACTION: dict[str, Any] = {
    "label": "Release",
    "reversibility": "hard_to_reverse",
    "tier": "gated",
    "explain": "It puts a version before customers.",
}
CATALOGUE: Catalogue = Baseline.from_document(
    {
        "actions": {
            "acme.release": {**ACTION, "tools": ["mcp__acme__release"], "commands": ["acme-release", "./deploy.sh *"]},
            "acme.greedy": {
                **ACTION,
                "tier": "free",
                "tools": ["Bash", "Write", "mcp__ide__*"],
                "commands": ["git", "rm"],
            },
        }
    }
).catalogue


def bash(command: str, catalogue: Catalogue = CATALOGUE) -> Classified:
    return classify("Bash", {"command": command}, cwd=CWD, catalogue=catalogue)


def kinds(found: Classified) -> list[str]:
    return [action.type for action in found.actions]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("git status", {("git", "status")}),
        ("/usr/bin/git status", {("git", "status")}),
        ("git status; npm test", {("git", "status"), ("npm", "test")}),
        ("cd web && npm test", {(), ("npm", "test")}),
        ('npm test "$X"', {("npm", "test", None)}),
        ("npm test $(cat x)", {("npm", "test", None), ("cat", "x")}),
        ("ls *.py", {("ls", None)}),
        ("X=test; npm $X", {(), ("npm", "test")}),
        ("npm te{st,}", {("npm", None)}),
        ("'npm' \"te\"st", {("npm", "test")}),
        ("$X push", {()}),
        ("frobnicate now", {("frobnicate", "now")}),
        ("/tmp/git push", {("/tmp/git", "push")}),
    ],
)
def test_each_action_carries_the_words_of_its_command(command: str, expected: set[tuple[str | None, ...]]) -> None:
    assert {action.command for action in bash(command).actions} == expected


@pytest.mark.parametrize(
    ("command", "inner", "outer"),
    [
        ("timeout 5 npm test", ("npm", "test"), [("timeout", "5", "npm", "test")]),
        ("sh -c 'npm test'", ("npm", "test"), [("sh", "-c", "npm test")]),
        (
            "nice timeout 5 npm test",
            ("npm", "test"),
            [("timeout", "5", "npm", "test"), ("nice", "timeout", "5", "npm", "test")],
        ),
        ("env A=1 npm test", ("npm", "test"), [("env", "A=1", "npm", "test")]),
        ("eval 'npm test'", ("npm", "test"), [("eval", "npm test")]),
    ],
)
def test_what_starts_another_program_is_carried_too(
    command: str, inner: tuple[str, ...], outer: list[tuple[str, ...]]
) -> None:
    found = [action for action in bash(command).actions if action.type == "test"]
    assert [(action.command, list(action.within)) for action in found] == [(inner, outer)]


def test_what_xargs_adds_is_not_known() -> None:
    assert any(action.command == ("npm", "publish", None) for action in bash("echo a | xargs npm publish").actions)


def test_a_long_command_is_cut_and_says_so() -> None:
    found = bash("git add " + " ".join(f"f{place}" for place in range(200)))
    assert {len(action.command) for action in found.actions} == {MOST_WORDS + 1}
    assert {action.command[-1] for action in found.actions} == {None}


def test_other_tools_have_no_command() -> None:
    found = classify("Edit", {"file_path": "a.py"}, cwd=CWD)
    assert [action.command for action in found.actions] == [()]


@pytest.mark.parametrize(
    ("tool", "given", "size"),
    [
        ("Edit", {"file_path": "a", "old_string": "a\nb", "new_string": "c"}, (1, 3)),
        ("Edit", {"file_path": "a", "old_string": "", "new_string": "c\n"}, (1, 1)),
        ("Write", {"file_path": "a", "content": "a\nb\nc\n"}, (1, 3)),
        ("Write", {"file_path": "a", "content": ""}, (1, 0)),
        ("Write", {"file_path": "a", "content": 7}, (1, 0)),
        (
            "MultiEdit",
            {"file_path": "a", "edits": [{"old_string": "a", "new_string": "b\nc"}, {"new_string": "d"}, 7]},
            (1, 4),
        ),
        ("NotebookEdit", {"notebook_path": "a", "new_source": "x\ny"}, (1, 2)),
        ("Read", {"file_path": "a"}, (0, 0)),
        ("Bash", {"command": "cat > a <<EOF\nx\nEOF"}, (0, 0)),
        ("mcp__fs__write", {"content": "a\nb"}, (0, 0)),
    ],
)
def test_the_size_of_an_edit_is_what_its_input_shows(tool: str, given: dict[str, Any], size: tuple[int, int]) -> None:
    found = classify(tool, given, cwd=CWD)
    assert (found.files, found.lines) == size


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("acme-release", ["acme.release"]),
        ("acme-release 1.2 --now", ["acme.release"]),
        ("./deploy.sh staging", ["acme.release"]),
        ("./deploy.sh", ["unknown"]),
        ("/opt/acme-release", ["unknown"]),
        ("Acme-Release", ["unknown"]),
        ("acme-release $X", ["unknown"]),
        ("acme-release *.py", ["unknown"]),
        ("acme-release $(cat x)", ["read", "unknown"]),
        ("acme-release < .env", ["secret.read", "acme.release"]),
        ("acme-release ~/.ssh/id_rsa", ["acme.release", "secret.read"]),
        ("acme-release /etc/passwd", ["acme.release", "outside.repository"]),
        ("acme-release; rm -rf /", ["acme.release", "file.delete", "outside.repository"]),
        ("sudo acme-release", ["unknown", "acme.release"]),
        ("cd / && acme-release", ["read", "outside.repository", "acme.release"]),
        ("acme-release (", ["unknown", "acme.release"]),
        ("git push --force", ["push.force"]),
        ("rm -rf src", ["file.delete"]),
    ],
)
def test_an_own_action_stands_only_for_what_is_not_understood(command: str, expected: list[str]) -> None:
    found = bash(command)
    assert set(kinds(found)) == set(expected)
    assert found.understood is ("unknown" not in expected)


def test_no_own_action_hides_another_of_the_same_call() -> None:
    """With the catalogue a call does everything it did without it, but for the unknown that has a name now."""
    for command in (
        "acme-release && git push --force",
        "acme-release | tee .env",
        "acme-release > .github/workflows/a.yml",
    ):
        before, after = bash(command, Catalogue()), bash(command)
        assert set(kinds(before)) - {"unknown"} <= set(kinds(after))
        assert "acme.release" in kinds(after)


# A catalogue that claims every program and every tool there could be, and calls all of it free.
GREEDY = Baseline.from_document(
    {
        "actions": {
            f"acme.{letter}": {**ACTION, "tier": "free", "commands": [f"*{letter}*"], "tools": [f"*{letter}*"]}
            for letter in "abcdefghijklmnopqrstuvwxyz"
        }
    }
).catalogue


@pytest.mark.parametrize("command", [*ALL_COMMANDS, *HOSTILE])
def test_a_greedy_catalogue_hides_nothing_that_is_understood(command: str) -> None:
    before, after = bash(command, Catalogue()), bash(command, GREEDY)
    assert {action for action in before.actions if action.type != "unknown"} <= set(after.actions)
    kept = {action for action in before.actions if action.type == "unknown"} - set(after.actions)
    # What took the place of an unknown is the same command, with every word of it written out.
    named = {action.command for action in after.actions if action.type.startswith("acme.")}
    assert {action.command for action in kept} <= named
    assert not any(None in words for words in named)


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("mcp__acme__release", "acme.release"),
        ("mcp__acme__release2", "unknown"),
        ("MCP__acme__release", "unknown"),
        ("mcp__ide__\u200bx", "unknown"),
        ("mcp__ide__ｘ", "unknown"),
        ("Write", "edit.file"),
        ("mcp__ide__other", "acme.greedy"),
    ],
)
def test_a_tool_that_the_portal_knows_is_never_an_own_action(tool: str, expected: str) -> None:
    found = classify(tool, {"file_path": "a.py"}, cwd=CWD, catalogue=CATALOGUE)
    assert kinds(found) == [expected]


@pytest.mark.parametrize(
    ("tool", "given", "read_as"),
    [
        ("mcp__ide__getDiagnostics", {}, {"lint"}),
        ("mcp__filesystem__read_file", {"path": ".env"}, {"secret.read"}),
        ("mcp__git__git_status", {"repo_path": CWD}, {"read"}),
        ("mcp__github__merge_pull_request", {"owner": "a", "repo": "b"}, {"pr.merge", "unknown"}),
        ("mcp__playwright__browser_click", {}, {"network.write"}),
    ],
)
def test_an_own_action_of_a_servers_tool_counts_beside_what_the_tool_is_read_as(
    tool: str, given: dict[str, Any], read_as: set[str]
) -> None:
    """A server is called what its configuration calls it, so the organisation's word is added and hides nothing."""
    ours = Baseline.from_document({"actions": {"acme.server": {**ACTION, "tools": ["mcp__*", "Read"]}}}).catalogue
    assert set(kinds(classify(tool, given, cwd=CWD))) == read_as
    assert set(kinds(classify(tool, given, cwd=CWD, catalogue=ours))) == read_as | {"acme.server"}
    assert kinds(classify("Read", {"file_path": "a.py"}, cwd=CWD, catalogue=ours)) == ["read"]


def test_without_a_catalogue_nothing_is_an_own_action() -> None:
    assert kinds(classify("mcp__acme__release", {}, cwd=CWD)) == ["unknown"]
    assert kinds(bash("acme-release", Catalogue())) == ["unknown"]


def test_actions_of_different_commands_are_not_one() -> None:
    assert [action.command for action in bash("echo a; echo b; echo a").actions] == [("echo", "a"), ("echo", "b")]
    assert Action("read") == Action("read")
