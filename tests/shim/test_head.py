"""What the shim states of the change itself: the commit of the checkout, who co-wrote it, and the whole difference."""

import json
from pathlib import Path
from typing import Any

import pytest

from approvals.models import ApprovalRequest
from tests.shim.conftest import SHIM, Shim, Stand, decision, question

COMMIT, OTHER = "a1" * 20, "b2" * 20
FORCE = ["git", "push", "--force", "origin", "main"]
PERMIT = b'{"outcome": "allow", "stopped": false}'


def head_of(folder: Path, branch: str = "") -> str:
    """The shim's own function, from the file as it is served."""
    module: dict[str, Any] = {"__name__": "shim"}
    exec(compile(SHIM.read_text(), str(SHIM), "exec"), module)  # noqa: S102  our own file
    return str(module["head_of"](str(folder), branch))


def checkout(folder: Path, head: str = "ref: refs/heads/feature/a\n", **files: str) -> Path:
    """A folder with a .git of these files; ``__`` in a name stands for a slash."""
    git = folder / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(head)
    for name, text in files.items():
        place = git / name.replace("__", "/").replace("packed_refs", "packed-refs")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_a_loose_ref_is_the_commit(tmp_path: Path) -> None:
    place = checkout(tmp_path, refs__heads__feature__a=f"{COMMIT}\n", packed_refs=f"{OTHER} refs/heads/feature/a\n")
    deep = place / "src" / "deep"
    deep.mkdir(parents=True)
    assert head_of(place) == head_of(deep) == COMMIT


def test_a_packed_ref_is_the_commit(tmp_path: Path) -> None:
    rows = f"# pack-refs with: peeled\n{OTHER} refs/heads/feature/ab\n^{OTHER}\n{COMMIT} refs/heads/feature/a\n"
    assert head_of(checkout(tmp_path, packed_refs=rows)) == COMMIT


def test_a_worktree_is_followed_to_where_its_refs_are(tmp_path: Path) -> None:
    main = checkout(tmp_path / "main", refs__heads__feature__a=f"{COMMIT}\n", refs__heads__main=f"{OTHER}\n")
    own = main / ".git" / "worktrees" / "w"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/feature/a\n")
    (own / "commondir").write_text("../..\n")
    for name, place in (("absolute", str(own)), ("relative", "../main/.git/worktrees/w")):
        worktree = tmp_path / name
        worktree.mkdir()
        (worktree / ".git").write_text(f"gitdir: {place}\n")
        assert head_of(worktree) == COMMIT


def test_a_detached_checkout_speaks_of_no_branch(tmp_path: Path) -> None:
    place = checkout(tmp_path, head=f"{COMMIT}\n")
    assert head_of(place) == COMMIT
    assert head_of(place, "main") == ""


def test_a_checkout_of_another_branch_says_nothing_of_the_stated_one(tmp_path: Path) -> None:
    place = checkout(tmp_path, refs__heads__feature__a=f"{COMMIT}\n", refs__heads__main=f"{OTHER}\n")
    assert head_of(place, "feature/a") == head_of(place, "refs/heads/feature/a") == COMMIT
    assert head_of(place, "main") == ""


@pytest.mark.parametrize(
    "head",
    ["", "ref: refs/heads/none\n", "ref: refs/heads/../../x\n", "ref: /etc/passwd\n", "ref: refs/heads/.invalid\n",
     "ref: refs/tags/x\n", f"{COMMIT[:7]}\n", f"{COMMIT.upper()}\n", "x" * 9000],
)  # fmt: skip
def test_what_cannot_be_told_is_not_stated(tmp_path: Path, head: str) -> None:
    assert head_of(checkout(tmp_path, head=head, x=COMMIT, refs__tags__x=COMMIT)) == ""


def test_a_git_that_is_none_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / ".git").write_bytes(b"\xff\xfe gitdir")
    assert head_of(tmp_path) == ""
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert head_of(tmp_path) == ""
    assert head_of(tmp_path / "missing" / "folder") == ""


def sent(shim: Shim, stand_in: Stand, *arguments: str, **more: str) -> dict[str, Any]:
    """What ``check`` asks a portal that keeps what it was asked."""
    asked: list[bytes] = []
    with stand_in(body=PERMIT, asked=asked) as url:
        done = shim.run(*arguments, BAILIWICK_URL=url, **more)
    assert done.returncode == 0, done.stderr
    question: dict[str, Any] = json.loads(asked[0])
    return question


def test_check_states_the_commit_of_the_checkout_unless_one_is_given(shim: Shim, stand_in: Stand) -> None:
    checkout(shim.folder, refs__heads__feature__a=f"{COMMIT}\n")
    assert sent(shim, stand_in, "check", "--", "ls")["head"] == COMMIT
    assert sent(shim, stand_in, "check", "--", "ls", BAILIWICK_HEAD=OTHER)["head"] == OTHER
    assert sent(shim, stand_in, "check", "--head", OTHER, "--", "ls")["head"] == OTHER
    assert "head" not in sent(shim, stand_in, "check", "--cwd", "/", "--", "ls")
    assert "head" not in sent(shim, stand_in, "check", "--", "ls", BAILIWICK_BRANCH="main")


def test_check_states_co_authors_and_the_whole_difference(shim: Shim, stand_in: Stand) -> None:
    (shim.folder / "change.diff").write_bytes(b"--- a\r\n+++ b\n-x\n+\xc3\xa9\n")
    people = "a@example.test, b@example.test,"
    told = sent(shim, stand_in, "check", "--diff", "change.diff", "--", "ls", BAILIWICK_CO_AUTHORS=people)
    assert told["co_authors"] == ["a@example.test", "b@example.test"]
    assert told["diff"] == "--- a\r\n+++ b\n-x\n+é\n"
    assert "diff" not in sent(shim, stand_in, "check", "--", "ls")


@pytest.mark.parametrize("content", [b"\xff", b"x" * 500_001, None], ids=["not text", "too long", "not there"])
def test_a_difference_that_cannot_be_stated_whole_is_not_asked_about(shim: Shim, content: bytes | None) -> None:
    if content is not None:
        (shim.folder / "change.diff").write_bytes(content)
    done = shim.run("check", "--diff", "change.diff", "--", "ls")
    assert done.returncode == 3
    assert "--diff change.diff" in done.stderr


def test_run_takes_a_difference_only_with_its_question(shim: Shim) -> None:
    done = shim.run("run", "--diff", "change.diff", "--", "ls")
    assert done.returncode == 3
    assert "write --check" in done.stderr


@pytest.mark.django_db(transaction=True)
def test_the_portal_takes_what_the_shim_states(connected: Shim) -> None:
    checkout(connected.folder, head="ref: refs/heads/main\n", refs__heads__main=f"{COMMIT}\n")
    (connected.folder / "change.diff").write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n")
    arguments = ("check", "--branch", "main", "--diff", "change.diff", "--co-authors", "x@example.test", "--", *FORCE)
    assert connected.run(*arguments).returncode == 2
    asked = ApprovalRequest.objects.get()
    assert asked.head == COMMIT
    view = json.loads(bytes(asked.view))
    assert "+2" in view["diff"]
    assert view["people"]["co_authors"] == ["x@example.test"]


@pytest.mark.django_db(transaction=True)
def test_the_hook_states_the_commit_of_the_session_s_folder(connected: Shim, tmp_path: Path) -> None:
    place = checkout(tmp_path / "work", head="ref: refs/heads/main\n", refs__heads__main=f"{COMMIT}\n")
    asked = {**question("git push --force origin main"), "cwd": str(place)}
    assert decision(connected.hook(asked, BAILIWICK_CO_AUTHORS="x@example.test,y@example.test")) == "deny"
    row = ApprovalRequest.objects.get()
    assert row.head == COMMIT
    assert json.loads(bytes(row.view))["people"]["co_authors"] == ["x@example.test", "y@example.test"]
