"""git push: exactly which branches and tags it changes, and whether it rewrites or deletes what is published.

The tables: names of branches that count as protected (``PROTECTED_NAME``; the organisation names others in the scopes
of its policies) and options that change nothing about where a push goes (``_PUSH_PLAIN``).
"""

import re

from approvals.rules.classify.call import Arguments, Call, Word, arguments, names
from approvals.rules.classify.network import host_of

# Until a policy says more: names that mean "others build on this" nearly everywhere.
PROTECTED_NAME = re.compile(r"(?:main|master|trunk|production|prod|stable|release(?:[/-].*)?)", re.IGNORECASE)


# Said of every command that leaves another branch checked out, so that a push after it is not taken for one of the
# branch that the agent's machine stated before.
SWITCHES = "It switches the working copy."

_PUSH_PLAIN = names(
    """
    --all --tags --follow-tags --set-upstream --dry-run --quiet --verbose --progress --no-progress
    --atomic --no-atomic --porcelain --no-force-with-lease --signed --no-signed --thin --no-thin
    --ipv4 --ipv6 -u -n -q -v -4 -6 --branches --no-verify --verify --push-option -o --repo
    --no-recurse-submodules --recurse-submodules
    """
)


def push(call: Call, rest: list[Word]) -> None:
    """git push: force and deletion first, then each destination on its own."""
    given = arguments(rest, frozenset({"-o", "--push-option", "--repo", "--receive-pack", "--exec"}))
    if not call.clear(rest):
        call.add("push.branch", "", "Where it pushes to is not written out.")
    force = _forces(call, given)
    repository = (given.values("--repo") or given.rest[:1] or [Word("")])[0].text
    refspecs = [word.text for word in given.rest[0 if given.has("--repo") else 1 :] if word.literal]
    if "/" in repository or ":" in repository:
        call.add(
            "outside.repository",
            repository,
            "It pushes to an address and not to a remote of this repository.",
            host=host_of(repository),
        )
    if any(action.detail == SWITCHES for action in call.found) and (
        not refspecs or any(refspec.partition(":")[0] in {"HEAD", "@"} and ":" not in refspec for refspec in refspecs)
    ):
        call.unknown("Which branch it pushes depends on the switch before it.")
    if given.has("--all", "--branches"):
        call.add("push.protected", "every branch", "It pushes every branch, protected ones too.")
    if given.has("--tags", "--follow-tags"):
        call.add("tag.push", "every tag")
    if not refspecs:
        call.add("push.force" if force else "push.branch", "the current branch")
    tagged = False
    for refspec in refspecs:
        if refspec == "tag":
            tagged = True
            continue
        _destination(call, refspec, force=force, tagged=tagged)
        tagged = False


def _forces(call: Call, given: Arguments) -> bool:
    force = False
    for name, _ in given.options:
        if name in {"-f", "-d"} or (
            len(name) > 3
            and any(
                long.startswith(name)
                for long in ("--force-with-lease", "--force-if-includes", "--mirror", "--delete", "--prune")
            )
        ):
            force = True
        elif name not in _PUSH_PLAIN:
            call.unknown(f"git push {name} is not an option that the portal knows.")
        if name == "--no-verify":
            call.unknown("It skips the checks that the repository runs before a push.")
    if force:
        call.add("push.force", "published history", "It rewrites or deletes what is published.")
    return force


def _destination(call: Call, refspec: str, *, force: bool, tagged: bool) -> None:
    source, colon, target = refspec.lstrip("+").partition(":")
    if not colon:
        target = source
    forced = force or refspec.startswith("+") or (colon == ":" and not source and bool(target))
    if target.startswith("refs/tags/") or tagged:
        call.add("push.force" if forced else "tag.push", target.removeprefix("refs/tags/"))
        return
    branch = target.removeprefix("refs/heads/").removeprefix("heads/")
    named: str | None = branch if branch not in {"HEAD", "@"} else None
    if forced:
        call.add("push.force", branch, "It rewrites or deletes what is published.", branch=named)
    elif not target or "*" in target or branch.startswith("refs/"):
        call.add("push.protected", branch, "It pushes to more than one branch, or to no plain branch.", branch=named)
    else:
        call.add("push.protected" if PROTECTED_NAME.fullmatch(branch) else "push.branch", branch, branch=named)
