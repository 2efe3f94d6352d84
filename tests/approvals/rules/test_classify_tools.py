"""What the tools of a coding agent other than its shell are taken to do."""

from typing import Any

import pytest

from approvals.rules.classify import classify
from approvals.rules.classify.paths import glob_may_be_secret, is_secret, special

CWD = "/home/dev/shop"

CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("Read", {"file_path": f"{CWD}/src/a.py"}, "read"),
    ("Read", {"file_path": "src/a.py"}, "read"),
    ("Read", {"file_path": f"{CWD}/.env"}, "secret.read"),
    ("Read", {"file_path": f"{CWD}/.env.example"}, "read"),
    ("Read", {"file_path": "/etc/hosts"}, "outside.repository"),
    ("Read", {"file_path": "/tmp/a"}, "read"),
    ("Read", {"file_path": f"{CWD}/../other/a"}, "outside.repository"),
    ("Read", {"file_path": f"{CWD}-other/a"}, "outside.repository"),
    ("Read", {}, "unknown"),
    ("Read", {"file_path": 3}, "unknown"),
    ("Read", {"file_path": "a\0b"}, "unknown"),
    ("Write", {"file_path": f"{CWD}/a.py", "content": ""}, "edit.file"),
    ("Write", {"file_path": "/tmp/a.py", "content": ""}, "outside.repository edit.file"),
    ("Write", {"file_path": f"{CWD}/.env"}, "secret.read edit.file"),
    ("Edit", {"file_path": f"{CWD}/.github/workflows/ci.yml"}, "ci.change"),
    ("Edit", {"file_path": f"{CWD}/.GitHub/Workflows/ci.yml"}, "ci.change"),
    ("Edit", {"file_path": f"{CWD}/x/../.github/workflows/ci.yml"}, "ci.change"),
    ("Edit", {"file_path": f"{CWD}/.gitlab-ci.yml"}, "ci.change"),
    ("Edit", {"file_path": f"{CWD}/Dockerfile"}, "infra.change"),
    ("Edit", {"file_path": f"{CWD}/infra/main.tf"}, "infra.change"),
    ("Edit", {"file_path": f"{CWD}/k8s/api.yaml"}, "infra.change"),
    ("Edit", {"file_path": f"{CWD}/shop/migrations/0001_initial.py"}, "migration.change"),
    ("Edit", {"file_path": f"{CWD}/package.json"}, "dependency.change"),
    ("Edit", {"file_path": f"{CWD}/uv.lock"}, "dependency.change"),
    ("Edit", {"file_path": f"{CWD}/go.mod"}, "dependency.change"),
    ("Edit", {"file_path": f"{CWD}/.claude/settings.local.json"}, "access.change"),
    ("Edit", {"file_path": f"{CWD}/.claude/hooks/gate.sh"}, "access.change"),
    ("Edit", {"file_path": f"{CWD}/.git/config"}, "access.change"),
    ("Edit", {"file_path": f"{CWD}/docs/CODEOWNERS"}, "access.change"),
    ("MultiEdit", {"file_path": f"{CWD}/a.py", "edits": []}, "edit.file"),
    ("NotebookEdit", {"notebook_path": f"{CWD}/a.ipynb"}, "edit.file"),
    ("Glob", {"pattern": "**/*.py"}, "search"),
    ("Glob", {"pattern": "/etc/*"}, "outside.repository search"),
    ("Grep", {"pattern": "x", "path": CWD}, "search"),
    ("Grep", {"pattern": "x", "path": f"{CWD}/.env"}, "secret.read"),
    ("Grep", {"pattern": "x", "glob": ".env"}, "search secret.read"),
    ("Grep", {"pattern": "x", "glob": ".e*"}, "search unknown"),
    ("LS", {"path": CWD}, "read"),
    ("WebFetch", {"url": "https://example.com/a", "prompt": "x"}, "network.fetch"),
    ("WebSearch", {"query": "x"}, "network.fetch"),
    ("Task", {"prompt": "x"}, "read"),
    ("Agent", {"prompt": "x"}, "read"),
    ("TodoWrite", {"todos": []}, "read"),
    ("mcp__ide__getDiagnostics", {}, "lint"),
    ("mcp__db__query", {"sql": "select 1"}, "unknown"),
    ("mcp__ide__getDiagnostics2", {}, "unknown"),
    ("Frobnicate", {}, "unknown"),
    ("bash", {"command": "ls"}, "unknown"),
    ("Bash", {"command": 3}, "unknown"),
    ("Bash", {}, "unknown"),
    ("", {}, "unknown"),
]


@pytest.mark.parametrize(("tool", "given", "expected"), CALLS)
def test_a_call_is_exactly_this(tool: str, given: dict[str, Any], expected: str) -> None:
    found = classify(tool, given, cwd=CWD)
    assert {action.type for action in found.actions} == set(expected.split())
    assert found.understood is ("unknown" not in expected)


def test_a_call_from_a_subdirectory_cannot_strip_a_path_of_its_meaning() -> None:
    found = classify("Write", {"file_path": f"{CWD}/.github/workflows/a.yml"}, cwd=f"{CWD}/.github")
    assert "ci.change" in {action.type for action in found.actions}


def test_without_a_working_directory_nothing_absolute_is_inside() -> None:
    found = classify("Write", {"file_path": "/home/dev/a.py"}, cwd="")
    assert "outside.repository" in {action.type for action in found.actions}


def test_an_input_that_breaks_the_reader_is_unknown() -> None:
    class Broken(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            raise RuntimeError(key)

    found = classify("Bash", Broken(), cwd=CWD)
    assert [action.type for action in found.actions] == ["unknown"]
    assert found.understood is False


SECRETS = [
    ".env", "a/.env", ".env.local", ".ENV", "prod.env", "id_rsa", ".ssh/config", "/home/x/.aws/credentials",
    "a.pem", "a.kdbx",
    ".npmrc", ".netrc",
    "secrets.yml", "config/secrets.prod.yaml", "service-account-1.json", "/run/secrets/db",
    "/home/x/.config/gh/hosts.yml", "terraform.tfstate",
]  # fmt: skip
PLAIN = [
    ".env.example", ".env.sample", "id_rsa.pub", "environment.py", "secrets.py",
    "src/secrets/__init__.py", "env", "a.environment",
    "package.json", "credentials.example.json", "docs/ssh.md",
]  # fmt: skip


@pytest.mark.parametrize("path", SECRETS)
def test_secret(path: str) -> None:
    assert is_secret(path)


@pytest.mark.parametrize("path", PLAIN)
def test_not_secret(path: str) -> None:
    assert not is_secret(path)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (".en*", True),
        (".*", True),
        ("*", False),
        ("*.yml", False),
        ("*.py", False),
        ("*.pem", True),
        ("secr*", True),
        ("a/.e??", True),
    ],
)
def test_wildcards(pattern: str, expected: bool) -> None:
    assert glob_may_be_secret(pattern) is expected


def test_special_paths_need_whole_names() -> None:
    assert special("src/mypackage.json") == "edit.file"
    assert special("src/migrations.py") == "edit.file"
    assert special("docs/terraform.md") == "edit.file"
