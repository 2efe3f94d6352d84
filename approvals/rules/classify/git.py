"""Git: which subcommand reads, which changes the working copy or the history, and which can start programs.

The tables: subcommands that only look (``_READ``), those with a reader of their own (``_VERBS``), and settings that
change nothing but looks (``_SAFE_CONFIG``). Any other subcommand is ``unknown``: it may be an alias, which starts
whatever the repository's settings say.
"""

import re
from collections.abc import Callable, Mapping

from approvals.rules.classify.call import Call, Word, arguments, names
from approvals.rules.classify.git_look import look, refuse_risky
from approvals.rules.classify.git_push import SWITCHES, push
from approvals.rules.classify.network import host_of
from approvals.rules.classify.paths import special

_SAFE_CONFIG = re.compile(
    r"user\.(?:name|email)|color\.[\w.]+|core\.(?:quotepath|abbrev)|advice\.\w+|init\.defaultbranch", re.IGNORECASE
)
_STORED_RIGHT = re.compile(r"extraheader|token|password|credential|secret", re.IGNORECASE)
_GLOBAL_VALUED = frozenset(
    {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix"}
)
_READ = names(
    """
    status log diff show blame annotate grep ls-files ls-tree rev-parse rev-list describe shortlog
    cat-file merge-base name-rev count-objects show-ref for-each-ref show-branch check-ignore
    check-attr cherry range-diff diff-tree diff-index diff-files whatchanged version help
    verify-commit verify-tag var
    """
)


def read(call: Call) -> None:
    """Say what a git command does. Global options that change what git runs make it unknown."""
    words = list(call.args)
    while words and words[0].text.startswith("-"):
        if not call.clear(words[:1]):
            return
        words = _global_option(call, words)
    if not words:
        call.add("read", "git")
        return
    if not words[0].literal:
        call.clear(words[:1])
        return
    verb, rest = words[0].text, words[1:]
    if verb in _READ:
        look(call, verb, rest)
    elif verb in _VERBS:
        _VERBS[verb](call, rest)
    else:
        call.unknown(f"git {verb} is not a git command that the portal knows; it may be an alias.")


def _global_option(call: Call, words: list[Word]) -> list[Word]:
    text = words[0].text
    name, equals, value = text.partition("=")
    if name in _GLOBAL_VALUED and not equals:
        if not call.clear(words[:2]) or len(words) < 2:
            return []
        value, words = words[1].text, words[1:]
    if name == "-C":
        before = call.place.dirs
        call.read([Word(value)], content=False)
        call.place.dirs = call.place.resolve(value)
        # Only this git command runs there; the rest of the line does not.
        call.run([Word("git"), *words[1:]])
        call.place.dirs = before
        call.add("read", value, "git -C")
        return []
    if name == "-c":
        if not _SAFE_CONFIG.fullmatch(value.partition("=")[0]) and value.lower() != "core.pager=cat":
            call.unknown(f"git -c {value} can change what git runs.")
    elif name not in {
        "--no-pager",
        "-P",
        "--no-optional-locks",
        "--literal-pathspecs",
        "--version",
        "--help",
        "--no-replace-objects",
    }:
        call.unknown(f"git {name} can change what git works on or runs.")
    return words[1:]


def _add(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        for word in rest:
            call.touch(word)
        if any(name == "-f" or name.startswith("--fo") for name, _ in arguments(rest).options):
            call.unknown("It adds files that git was told to leave out, secrets often among them.")
        call.add("commit", "git add")


def _commit(call: Call, rest: list[Word]) -> None:
    given = arguments(
        rest,
        names(
            """
    -m -F -C -c -t --message --file --author --date --template --reuse-message --fixup --squash
    --trailer
    """
        ),
    )
    messages = {id(word) for word in given.values("-m", "--message")}
    if not call.clear([word for word in given.rest if id(word) not in messages]):
        return
    if any(name == "-n" or name.startswith(("--no-v", "--no-g")) for name, _ in given.options):
        call.unknown("It skips the checks that the repository runs before a commit.")
    for word in (*given.values("-F", "--file", "-t", "--template"), *given.rest):
        call.touch(word)
    # An unquoted message can split into words, and one of them could be an option.
    for value in given.values("-m", "--message"):
        if not value.literal and not value.text.startswith('"'):
            call.unknown("The commit message is not written out.")
    call.add("commit", "git commit")


def _branch(call: Call, rest: list[Word]) -> None:
    if not call.clear(rest):
        return
    given = arguments(
        rest,
        names(
            """
    -u --set-upstream-to --contains --merged --no-merged --points-at --sort --format
    """
        ),
    )
    if any(
        name in {"-d", "-D", "-m", "-M", "-C", "-f"}
        or (name.startswith(("--d", "--m", "--fo")) and name not in {"--merged", "--format"})
        for name, _ in given.options
    ):
        call.unknown("It deletes, renames or moves a branch.")
    elif any(name == "-u" or name.startswith(("--set", "--unset", "--ed")) for name, _ in given.options):
        call.unknown("It changes where a later push of the branch goes, or starts an editor.")
    elif given.rest and not given.has(
        "-l", "--list", "--contains", "--merged", "--no-merged", "--points-at", "-a", "-r", "--show-current"
    ):
        # `git branch new start`, but `git branch --copy old new`.
        copies = any(name == "-c" or name.startswith("--cop") for name, _ in given.options)
        created = given.rest[-1 if copies else 0].text
        call.add("branch.create", created, branch=created)
    else:
        call.add("read", "git branch")


def _checkout(call: Call, rest: list[Word]) -> None:
    if not call.clear(rest):
        return
    given = arguments(rest, frozenset({"-b", "-B", "-c", "-C", "--orphan", "-s", "--source"}))
    created = given.values("-b", "-c", "--orphan")
    if created:
        call.add("branch.create", created[0].text, branch=created[0].text)
        if any(name == "-f" or name.startswith(("--fo", "--disc")) for name, _ in given.options):
            call.add("file.delete", "working copy", "It throws away changes that were never committed.")
        return
    if given.has("-B", "-C"):
        call.unknown("It may move a branch that exists.")
    paths = any(word.text == "--" for word in rest) or any(
        word.text in {".", "*"} or ("/" in word.text and "." in word.text) for word in given.rest
    )
    if paths or any(
        name in {"-f", "-p"} or name.startswith(("--fo", "--disc", "--ours", "--theirs", "--pathspec"))
        for name, _ in given.options
    ):
        call.add("file.delete", "working copy", "It throws away changes that were never committed.")
    # `git checkout other Makefile` takes the file from there; one word alone may be a path too.
    call.write([word for word in given.rest if special(word.text) != "edit.file"])
    if len(given.rest) > 1 and not paths:
        call.add("file.delete", "working copy", "It takes files from another branch over those here.")
    call.add("edit.file", "working copy", SWITCHES)


def _restore(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        given = arguments(rest, frozenset({"-s", "--source"}))
        if given.has("-S", "--staged") and not given.has("-W", "--worktree"):
            call.add("edit.file", "index", "It takes changes out of the next commit.")
        else:
            # The file comes back as an older commit has it, a workflow or a hook among them.
            call.write([word for word in given.rest if special(word.text) != "edit.file"])
            call.add("file.delete", "working copy", "It throws away changes that were never committed.")


def _reset(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        hard = any(word.text.startswith(("--h", "--k", "--merge", "--me")) for word in rest)
        call.add("file.delete" if hard else "edit.file", "working copy", "It moves the branch or the index.")


def _stash(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        verb = rest[0].text if rest else "push"
        kinds = {
            "list": "read",
            "show": "read",
            "push": "edit.file",
            "pop": "edit.file",
            "apply": "edit.file",
            "save": "edit.file",
        }
        refuse_risky(call, "stash", rest)
        if verb in kinds or verb.startswith("-"):
            call.add(kinds.get(verb, "edit.file"), "git stash")
        elif verb in {"drop", "clear"}:
            call.add("file.delete", "git stash")
        else:
            call.unknown(f"git stash {verb} is not known.")


def _files(kind: str) -> Callable[[Call, list[Word]], None]:
    def reader(call: Call, rest: list[Word]) -> None:
        if call.clear(rest):
            call.write([word for word in rest if not word.text.startswith("-")], kind)
            call.add(kind or "edit.file", "working copy")

    return reader


def _history(call: Call, rest: list[Word]) -> None:
    """merge, rebase, cherry-pick, revert: local commits, unless told to run a program for each."""
    if not call.clear(rest):
        return
    # Sorted, since -q and -x may be run together into -qx.
    given = arguments(rest, names("-x -s -X -m -C --onto"))
    if any(
        name in {"-x", "-i", "-s"} or name.startswith(("--e", "--i", "--str"))
        for name, _ in given.options
        if name != "--edit"
    ):
        call.unknown("It may run programs while it rewrites history.")
    if any(name.startswith(("--no-v", "--no-g")) for name, _ in given.options):
        call.unknown("It skips the checks that the repository runs.")
    for word in rest:
        call.touch(word)
    call.add("commit", "history")


def _fetch(call: Call, rest: list[Word]) -> None:
    if not call.clear(rest):
        return
    if any(
        name in {"-u", "-c"} or name.startswith(("--u", "--exec", "--conf", "--te"))
        for name, _ in arguments(rest, names("-u -c -j -o -b")).options
    ):
        call.unknown("An option chooses a program or settings.")
    remotes = [word.text for word in rest if not word.text.startswith("-")]
    host = host_of(remotes[0]) if remotes else None
    if remotes and "::" in remotes[0]:
        call.unknown("This kind of remote starts a program.")
    for word in rest:
        call.touch(word)
    call.add("network.fetch", remotes[0] if remotes else "the configured remote", host=host)


def _pull(call: Call, rest: list[Word]) -> None:
    _fetch(call, rest)
    call.add("commit", "history")


def _config(call: Call, rest: list[Word]) -> None:
    if not call.clear(rest):
        return
    given = arguments(rest, frozenset({"-f", "--file", "--type", "--default"}))
    names = [word.text for word in given.rest]
    removes = any(name.startswith(("--un", "--rem", "--ren", "--ed", "-e")) for name, _ in given.options)
    if not (removes or names[:1] in (["edit"], ["unset"])) and (
        names[:1] in (["get"], ["list"])
        or given.has("--get", "--get-all", "--list", "-l", "--get-regexp")
        or len(names) == 1
    ):
        if (
            given.has("--list", "-l", "--blob")
            or names[:1] == ["list"]
            or any(_STORED_RIGHT.search(name) for name in names)
        ):
            call.unknown("It may show credentials that stand in git's settings.")
        call.read(given.values("-f", "--file"))
        call.add("read", "git config")
    elif (
        not removes
        and not given.has("--global", "--system", "-f", "--file")
        and names[:1] != ["set"]
        and _SAFE_CONFIG.fullmatch(names[0] if names else "")
    ):
        call.add("commit", "git config")
    else:
        call.add("access.change", "git config", "Git's settings decide what git runs and where it pushes.")


def _remote(call: Call, rest: list[Word]) -> None:
    # -v may stand before any verb: `git remote -v set-url` sets.
    words = [word for word in rest if word.text not in {"-v", "--verbose"}]
    verb = words[0].text if words else "-v"
    if call.clear(rest):
        if verb in {"-v", "show", "get-url"}:
            call.add("read", "git remote")
        else:
            call.add("access.change", "git remote", "It changes where git pushes to.")


def _tag(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        # -F takes the message from a file, which the tag then shows.
        call.look_at(rest)
        given = arguments(rest, frozenset({"-m", "-F", "-n", "--sort", "--contains", "--points-at", "-u"}))
        if any(
            name in {"-d", "-f"} or (name.startswith(("--d", "--fo")) and name != "--format")
            for name, _ in given.options
        ):
            call.unknown("It deletes or moves a tag.")
        elif given.rest and not given.has("-l", "--list", "--contains", "--points-at"):
            call.add("branch.create", given.rest[0].text, "It creates a tag.")
        else:
            call.add("read", "git tag")


def _worktree(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        verb = rest[0].text if rest else ""
        if verb == "list":
            call.add("read", "git worktree")
        elif verb == "add":
            call.write([word for word in rest[1:] if not word.text.startswith("-")][:1])
            call.add("branch.create", "git worktree")
        else:
            call.unknown(f"git worktree {verb} is not known.")


def _reflog(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        if rest and rest[0].text in {"expire", "delete", "drop"}:
            call.add("file.delete", "reflog", "It deletes what would let lost commits be found.")
        else:
            refuse_risky(call, "reflog", rest)
            call.add("read", "git reflog")


def _clean(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        given = arguments(rest, frozenset({"-e", "--exclude"}))
        kind = "read" if given.has("-n", "--dry-run") else "file.delete"
        call.add(kind, "working copy", "It deletes files that git does not keep.")


def _init(call: Call, rest: list[Word]) -> None:
    if call.clear(rest):
        if any(word.text.startswith("--t") for word in rest):
            call.unknown("A template brings hooks with it.")
        call.write([word for word in rest if not word.text.startswith("-")] or [Word(".")])


def _credential(call: Call, _rest: list[Word]) -> None:
    call.add("secret.read", "git credential", "It prints stored credentials.")


_VERBS: Mapping[str, Callable[[Call, list[Word]], None]] = {
    "add": _add, "commit": _commit, "branch": _branch, "checkout": _checkout,
    "switch": _checkout, "restore": _restore,
    "reset": _reset, "stash": _stash, "rm": _files("file.delete"), "mv": _files(""), "merge": _history,
    "rebase": _history,
    "cherry-pick": _history, "revert": _history, "fetch": _fetch,
    "clone": _fetch, "ls-remote": _fetch, "pull": _pull,
    "config": _config, "remote": _remote, "tag": _tag, "worktree": _worktree,
    "reflog": _reflog, "clean": _clean,
    "init": _init, "credential": _credential, "push": push,
}  # fmt: skip
