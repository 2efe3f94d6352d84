"""What an agent may touch: an allowlist for each dimension, compiled once and then asked many times.

Each dimension answers one of four ways (``Match``). An empty list allows nothing. Names are first brought to
their normal form (``registry.rules.names``); a name without one is *refused*, which is never allowed.

- **Repositories**: the whole name, lower case; ``*`` stays inside a segment, ``**`` crosses segments, the
  owner is always spelled out. ``owner/name`` is on github.com; every other host is written.
- **Branches**: the whole name; ``*`` stays inside a segment, ``feature/**`` is everything below ``feature/``.
  A protected branch is *blocked* whatever else allows it. Protection ignores case, since some disks do.
- **Paths**: gitignore patterns without negation or classes. A pattern with a slash before its end starts
  at the root, any other matches at each depth, and what matches a directory matches all inside it. A blocked
  path wins, in any case of letters, and a pattern for a directory (``secrets/``) blocks the directory itself.
  The path must be a name; whoever expands a shell's wildcards does so before asking. Whether deleting a
  directory takes a blocked file with it cannot be seen from the name alone.
- **Environments** and **models**: the whole name. **Hosts**: ``*`` is one label.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from registry.rules import names, patterns


class Match(StrEnum):
    """The answer for one name: in the list, in the list that forbids, in neither, or not a safe name."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    OUTSIDE = "outside"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Found:
    """A match with its grounds: the normal form (or the name as given), and why it was refused if it was."""

    match: Match
    name: str
    reason: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the name is in scope."""
        return self.match is Match.ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The allowlist as written, each a tuple of patterns."""

    repositories: tuple[str, ...] = ()
    branches_allowed: tuple[str, ...] = ()
    branches_protected: tuple[str, ...] = ()
    paths_allowed: tuple[str, ...] = ()
    paths_blocked: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledScope:
    """A scope ready to be asked. Holds no state, so one instance serves every thread."""

    repositories: patterns.Patterns
    branches_allowed: patterns.Patterns
    branches_protected: patterns.Patterns
    paths_allowed: patterns.Patterns
    paths_blocked: patterns.Patterns
    environments: patterns.Patterns
    hosts: patterns.Patterns
    models: patterns.Patterns
    whole_tree: bool


def compile_scope(scope: Scope) -> CompiledScope:
    """Compile a scope; raises ``Refused`` for a pattern that ``Policy.from_document`` would not take."""
    return CompiledScope(
        repositories=patterns.compile_globs(_each(patterns.repository_pattern, scope.repositories)),
        branches_allowed=patterns.compile_globs(_each(patterns.branch_pattern, scope.branches_allowed)),
        branches_protected=patterns.compile_globs(
            _each(patterns.protected_pattern, scope.branches_protected), ignore_case=True
        ),
        paths_allowed=patterns.compile_paths(_each(patterns.path_pattern, scope.paths_allowed)),
        paths_blocked=patterns.compile_paths(_each(patterns.path_pattern, scope.paths_blocked), ignore_case=True),
        environments=patterns.compile_globs(_each(patterns.environment_pattern, scope.environments)),
        hosts=patterns.compile_globs(_each(patterns.host_pattern, scope.hosts), separator="."),
        models=patterns.compile_globs(_each(patterns.model_pattern, scope.models)),
        whole_tree=not patterns.WHOLE_TREE.isdisjoint(scope.paths_allowed),
    )


def _each(check: Callable[[object], str], given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(check(pattern) for pattern in given)


def match_repository(scope: CompiledScope, name: object) -> Found:
    """Return whether the repository is named in the scope."""
    return _whole(scope.repositories, names.normalise_repository, name)


def match_branch(scope: CompiledScope, name: object) -> Found:
    """Return whether the branch may be worked on; a protected branch is blocked."""
    try:
        branch = names.normalise_branch(name)
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(name), str(refusal))
    if scope.branches_protected.matches(branch):
        return Found(Match.BLOCKED, branch)
    return Found(Match.ALLOWED if scope.branches_allowed.matches(branch) else Match.OUTSIDE, branch)


def match_path(scope: CompiledScope, path: object, *, root: str = "") -> Found:
    """Return whether the path may be touched. ``root`` is the working copy's own absolute path."""
    try:
        relative = names.normalise_path(path, root=root)
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(path), str(refusal))
    if relative == ".":
        # The root holds every path, so only a scope of every path allows it.
        return Found(Match.ALLOWED if scope.whole_tree else Match.OUTSIDE, relative)
    # With the final slash a pattern for a directory matches too: the name may be one.
    if scope.paths_blocked.matches(relative + "/"):
        return Found(Match.BLOCKED, relative)
    return Found(Match.ALLOWED if scope.paths_allowed.matches(relative) else Match.OUTSIDE, relative)


def match_environment(scope: CompiledScope, name: object) -> Found:
    """Return whether the environment is in the scope."""
    return _whole(scope.environments, names.normalise_environment, name)


def match_host(scope: CompiledScope, name: object) -> Found:
    """Return whether the host, with its port if it has one, is on the network list."""
    return _whole(scope.hosts, names.normalise_host, name)


def match_model(scope: CompiledScope, name: object) -> Found:
    """Return whether the model is in the scope."""
    return _whole(scope.models, names.normalise_model, name)


def _whole(allowed: patterns.Patterns, normalise: Callable[[object], str], name: object) -> Found:
    try:
        normal = normalise(name)
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(name), str(refusal))
    return Found(Match.ALLOWED if allowed.matches(normal) else Match.OUTSIDE, normal)
