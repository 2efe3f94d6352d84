"""What the tools of a coding agent other than its shell are taken to do."""

from typing import Any

import pytest

from approvals.rules.classify import classify
from approvals.rules.classify.paths import glob_may_be_secret, is_secret, special

CWD = "/home/dev/shop"

SHOP = {"owner": "acme", "repo": "shop"}

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
    # the file system's MCP server
    ("mcp__filesystem__read_file", {"path": f"{CWD}/src/a.py"}, "read"),
    ("mcp__filesystem__read_text_file", {"path": f"{CWD}/src/a.py", "head": 5}, "read"),
    ("mcp__filesystem__read_text_file", {"path": f"{CWD}/.env"}, "secret.read"),
    ("mcp__filesystem__read_text_file", {"path": "/etc/hosts"}, "outside.repository"),
    ("mcp__filesystem__read_text_file", {"path": f"{CWD}/a", "follow": True}, "read unknown"),
    ("mcp__filesystem__read_text_file", {}, "unknown"),
    ("mcp__filesystem__read_multiple_files", {"paths": [f"{CWD}/a", f"{CWD}/.env"]}, "read secret.read"),
    ("mcp__filesystem__read_multiple_files", {"paths": [f"{CWD}/a", 3]}, "read unknown"),
    ("mcp__filesystem__read_multiple_files", {"paths": []}, "unknown"),
    ("mcp__filesystem__list_directory", {"path": CWD}, "read"),
    ("mcp__filesystem__directory_tree", {"path": "/etc"}, "outside.repository"),
    ("mcp__filesystem__search_files", {"path": CWD, "pattern": "**/*.py"}, "search"),
    ("mcp__filesystem__list_allowed_directories", {}, "read"),
    ("mcp__filesystem__write_file", {"path": f"{CWD}/a.py", "content": ""}, "edit.file"),
    ("mcp__filesystem__write_file", {"path": f"{CWD}/.github/workflows/a.yml", "content": ""}, "ci.change"),
    ("mcp__filesystem__write_file", {"path": "/etc/a", "content": ""}, "outside.repository edit.file"),
    ("mcp__filesystem__edit_file", {"path": f"{CWD}/.mcp.json", "edits": []}, "access.change"),
    ("mcp__filesystem__create_directory", {"path": f"{CWD}/.git/hooks"}, "access.change"),
    ("mcp__filesystem__move_file", {"source": f"{CWD}/a", "destination": f"{CWD}/b"}, "edit.file"),
    ("mcp__filesystem__move_file", {"source": f"{CWD}/.env", "destination": f"{CWD}/b"}, "secret.read edit.file"),
    (
        "mcp__filesystem__move_file",
        {"source": f"{CWD}/a", "destination": f"{CWD}/Dockerfile"},
        "edit.file infra.change",
    ),
    ("mcp__filesystem__move_file", {"source": f"{CWD}/a"}, "edit.file unknown"),
    ("mcp__filesystem__chmod", {"path": f"{CWD}/a"}, "unknown"),
    ("mcp__files__read_file", {"path": f"{CWD}/a"}, "unknown"),
    # GitHub's MCP server
    ("mcp__github__get_file_contents", {**SHOP, "path": "README.md"}, "network.fetch"),
    ("mcp__github__get_file_contents", {**SHOP, "path": ".env"}, "network.fetch secret.read"),
    ("mcp__github__pull_request_read", {**SHOP, "pullNumber": 1, "method": "get"}, "network.fetch"),
    ("mcp__github__list_secret_scanning_alerts", SHOP, "network.fetch secret.read"),
    ("mcp__github__issue_write", {**SHOP, "method": "create"}, "network.write unknown"),
    ("mcp__github__create_branch", {**SHOP, "branch": "x"}, "branch.create unknown"),
    (
        "mcp__github__push_files",
        {**SHOP, "branch": "x", "files": [{"path": "a", "content": ""}]},
        "push.branch edit.file unknown",
    ),
    (
        "mcp__github__push_files",
        {**SHOP, "branch": "main", "files": [{"path": ".github/workflows/a.yml"}]},
        "push.protected ci.change unknown",
    ),
    ("mcp__github__push_files", {**SHOP, "files": [{}, 3]}, "push.protected unknown"),
    (
        "mcp__github__create_or_update_file",
        {**SHOP, "branch": "refs/heads/main", "path": "a", "content": ""},
        "push.protected edit.file unknown",
    ),
    ("mcp__github__delete_file", {**SHOP, "branch": "x", "path": "a"}, "push.branch file.delete unknown"),
    ("mcp__github__create_pull_request", {**SHOP, "head": "x", "base": "main"}, "pr.open unknown"),
    ("mcp__github__create_pull_request", {**SHOP, "draft": True}, "pr.draft unknown"),
    ("mcp__github__create_pull_request", {**SHOP, "draft": "yes"}, "pr.open unknown"),
    ("mcp__github__update_pull_request", {**SHOP, "draft": False}, "network.write pr.open unknown"),
    ("mcp__github__merge_pull_request", {**SHOP, "pullNumber": 1}, "pr.merge unknown"),
    ("mcp__github__pull_request_review_write", {**SHOP, "event": "APPROVE"}, "pr.merge unknown"),
    ("mcp__github__pull_request_review_write", {**SHOP, "event": "COMMENT"}, "network.write unknown"),
    ("mcp__github__update_pull_request_branch", {**SHOP, "pullNumber": 1}, "push.branch unknown"),
    ("mcp__github__delete_repository", SHOP, "access.change unknown"),
    ("mcp__github__actions_run_trigger", SHOP, "ci.change unknown"),
    ("mcp__github__assign_copilot_to_issue", SHOP, "unknown"),
    ("mcp__github__add_issue_comment", {**SHOP, "issue_number": 1, "body": "x"}, "network.write unknown"),
    ("mcp__github__update_issue_state", {**SHOP, "issue_number": 1, "state": "closed"}, "network.write unknown"),
    ("mcp__github__request_pull_request_reviewers", {**SHOP, "pullNumber": 1}, "network.write unknown"),
    ("mcp__github__create_pull_request_review", {**SHOP, "pullNumber": 1}, "network.write unknown"),
    ("mcp__github__create_pull_request_review", {**SHOP, "event": "approve"}, "pr.merge unknown"),
    ("mcp__github__submit_pending_pull_request_review", {**SHOP, "event": "APPROVE"}, "pr.merge unknown"),
    ("mcp__github__submit_pending_pull_request_review", {**SHOP, "event": 3}, "pr.merge unknown"),
    ("mcp__github__update_pull_request_draft_state", {**SHOP, "draft": False}, "network.write pr.open unknown"),
    ("mcp__github__update_pull_request_draft_state", {**SHOP, "draft": True}, "network.write unknown"),
    ("mcp__github__update_pull_request", {**SHOP, "draft": "no"}, "network.write pr.open unknown"),
    ("mcp__github__get_file_blame", {**SHOP, "path": ".env"}, "network.fetch secret.read"),
    ("mcp__github__fork_repository", SHOP, "access.change unknown"),
    ("mcp__github__actions_run_trigger", {**SHOP, "method": "delete_workflow_run_logs"}, "ci.change unknown"),
    # the reference server of git
    ("mcp__git__git_status", {"repo_path": CWD}, "read"),
    ("mcp__git__git_status", {"repo_path": "/etc"}, "outside.repository read"),
    ("mcp__git__git_status", {}, "read unknown"),
    ("mcp__git__git_status", {"repo_path": CWD, "exec": "x"}, "read unknown"),
    ("mcp__git__git_diff_unstaged", {"repo_path": CWD, "context_lines": 3}, "read"),
    ("mcp__git__git_diff", {"repo_path": CWD, "target": "main"}, "read"),
    ("mcp__git__git_diff", {"repo_path": CWD, "target": "--output=.git/config"}, "read unknown"),
    ("mcp__git__git_log", {"repo_path": CWD, "max_count": 5, "start_timestamp": "--output=x"}, "read unknown"),
    ("mcp__git__git_log", {"repo_path": CWD, "start_timestamp": "yesterday"}, "read"),
    ("mcp__git__git_show", {"repo_path": CWD, "revision": "HEAD"}, "read"),
    ("mcp__git__git_show", {"repo_path": CWD, "revision": "HEAD:.env"}, "read secret.read"),
    ("mcp__git__git_add", {"repo_path": CWD, "files": ["src/a.py"]}, "read commit"),
    ("mcp__git__git_add", {"repo_path": CWD, "files": [".env"]}, "read commit secret.read"),
    ("mcp__git__git_add", {"repo_path": CWD, "files": ["--pathspec-from-file=x"]}, "read commit unknown"),
    ("mcp__git__git_commit", {"repo_path": CWD, "message": "--amend"}, "read commit"),
    ("mcp__git__git_commit", {"repo_path": "/srv/other", "message": "x"}, "outside.repository commit"),
    ("mcp__git__git_reset", {"repo_path": CWD}, "read edit.file"),
    (
        "mcp__git__git_create_branch",
        {"repo_path": CWD, "branch_name": "x", "base_branch": "main"},
        "read branch.create",
    ),
    ("mcp__git__git_checkout", {"repo_path": CWD, "branch_name": "main"}, "read edit.file"),
    ("mcp__git__git_checkout", {"repo_path": CWD, "branch_name": "."}, "read edit.file file.delete"),
    ("mcp__git__git_branch", {"repo_path": CWD, "branch_type": "all"}, "read"),
    ("mcp__git__git_push", {"repo_path": CWD}, "unknown"),
    ("mcp__git2__git_status", {"repo_path": CWD}, "unknown"),
    # other reference servers
    ("mcp__fetch__fetch", {"url": "https://example.com/a"}, "network.fetch"),
    ("mcp__fetch__fetch", {"url": "https://example.com/a", "method": "POST"}, "network.fetch unknown"),
    ("mcp__memory__read_graph", {}, "read"),
    ("mcp__memory__delete_entities", {"entityNames": ["x"]}, "unknown"),
    ("mcp__time__get_current_time", {"timezone": "UTC"}, "read"),
    ("mcp__time__get_current_time", {"command": "rm"}, "read unknown"),
    ("mcp__sequential-thinking__sequentialthinking", {"thought": "x", "thoughtNumber": 1}, "read"),
    # Playwright's browser
    ("mcp__playwright__browser_navigate", {"url": "https://example.com/a"}, "network.fetch"),
    ("mcp__playwright__browser_navigate", {"url": "file:///home/dev/shop/.env"}, "network.fetch secret.read unknown"),
    ("mcp__playwright__browser_navigate", {"url": "javascript:x"}, "network.fetch unknown"),
    ("mcp__playwright__browser_navigate", {}, "network.fetch unknown"),
    (
        "mcp__playwright__browser_tabs",
        {"action": "new", "url": "file:///etc/passwd"},
        "network.fetch outside.repository unknown",
    ),
    ("mcp__playwright__browser_tabs", {"action": "list"}, "network.fetch"),
    ("mcp__playwright__browser_snapshot", {"filename": ".git/config"}, "network.fetch unknown"),
    ("mcp__playwright__browser_click", {"element": "Delete", "target": "e1"}, "network.write"),
    ("mcp__playwright__browser_type", {"target": "e1", "text": "x", "submit": True}, "network.write"),
    ("mcp__playwright__browser_file_upload", {"paths": [f"{CWD}/a.png"]}, "network.write read"),
    ("mcp__playwright__browser_file_upload", {"paths": [f"{CWD}/.env"]}, "network.write secret.read"),
    ("mcp__playwright__browser_evaluate", {"function": "() => 1"}, "unknown"),
    ("mcp__playwright__browser_run_code_unsafe", {"code": "x"}, "unknown"),
    ("mcp__playwright__browser_cookie_list", {}, "secret.read"),
    ("mcp__playwright__browser_storage_state", {"filename": "x"}, "secret.read unknown"),
    ("mcp__puppeteer__puppeteer_navigate", {"url": "https://example.com"}, "unknown"),
    ("mcp__github__", SHOP, "unknown"),
    ("mcp__gitlab__create_branch", SHOP, "unknown"),
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


def test_what_an_mcp_server_is_told_counts_against_the_scope() -> None:
    given = {**SHOP, "branch": "release/1", "files": [{"path": "src/a.py"}]}
    found = classify("mcp__github__push_files", given, cwd=CWD).actions
    assert ("push.protected", "release/1", "github.com") in {(one.type, one.branch, one.host) for one in found}
    assert ("edit.file", ("src/a.py",)) in {(one.type, one.paths) for one in found}
    read = classify("mcp__filesystem__read_file", {"path": f"{CWD}/src/a.py"}, cwd=CWD).actions
    assert [one.paths for one in read] == [("src/a.py",)]


def test_what_a_pull_request_is_called_names_the_repository_and_the_number() -> None:
    merge = classify("mcp__github__merge_pull_request", {**SHOP, "pullNumber": 7}, cwd=CWD).actions[0]
    assert (merge.type, merge.resource, merge.host) == ("pr.merge", "acme/shop#7", "github.com")
    opened = classify("mcp__github__create_pull_request", {**SHOP, "head": "acme:fix/a", "base": "main"}, cwd=CWD)
    assert (opened.actions[0].resource, opened.actions[0].branch) == ("acme/shop", "fix/a")


def test_the_size_of_what_an_mcp_server_writes_is_seen() -> None:
    found = classify("mcp__filesystem__write_file", {"path": f"{CWD}/a", "content": "1\n2\n3\n"}, cwd=CWD)
    assert (found.files, found.lines) == (1, 3)
    edits = [{"oldText": "1\n2", "newText": "3"}]
    found = classify("mcp__filesystem__edit_file", {"path": f"{CWD}/a", "edits": edits}, cwd=CWD)
    assert (found.files, found.lines) == (1, 3)
    files = [{"path": "a", "content": "1\n"}, {"path": "b", "content": "2\n3\n"}]
    found = classify("mcp__github__push_files", {**SHOP, "branch": "x", "files": files}, cwd=CWD)
    assert (found.files, found.lines) == (2, 3)


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
