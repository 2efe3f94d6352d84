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
- **Environments**: the whole name. **Hosts**: ``*`` is one label.
- **Models**: the name, or ``provider/model``; with a provider stated, a pattern without a provider is compared
  with the model alone. ``*`` alone is any model. **Tools**: the whole name, ``*`` is any run of characters.
- **Commands**: the first words (``registry.rules.commands``). **Credentials**: the kind used, when it is stated.

``acme/payments#123456789`` pins a repository to the id that its host keeps through renames. When the question
states the id, the id decides: the same name with another id is refused, another name with this id is allowed.

In an agent's own scope a list left out is empty. In a restriction it is None and takes nothing away
(``registry.rules.restriction``); the same holds for ``tools`` and ``commands_allowed`` everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, NamedTuple

from registry.rules import names, patterns
from registry.rules.commands import Blocked, Commands, Words, command_pattern


class Match(StrEnum):
    """The answer for one name: in the list, in the list that forbids, in neither, or not a safe name."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    OUTSIDE = "outside"
    REFUSED = "refused"


class Found(NamedTuple):
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
    """The allowlist of an agent as written, each a tuple of patterns. None stands for any."""

    repositories: tuple[str, ...] = ()
    branches_allowed: tuple[str, ...] = ()
    branches_protected: tuple[str, ...] = ()
    paths_allowed: tuple[str, ...] = ()
    paths_blocked: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    commands_allowed: tuple[str, ...] | None = None
    commands_blocked: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()

    def lists(self) -> dict[str, tuple[str, ...]]:
        """Return every list that is not None, by its name."""
        rows = ((part.name, getattr(self, part.name)) for part in fields(self))
        return {name: value for name, value in rows if value is not None}


BLOCKING = frozenset({"branches_protected", "paths_blocked", "commands_blocked"})

# How each entry is read, in the order of the document.
READERS: Mapping[str, Callable[[object], str]] = {
    "repositories": patterns.repository_pattern,
    "branches_allowed": patterns.branch_pattern,
    "branches_protected": patterns.protected_pattern,
    "paths_allowed": patterns.path_pattern,
    "paths_blocked": patterns.path_pattern,
    "environments": patterns.environment_pattern,
    "hosts": patterns.host_pattern,
    "models": patterns.model_pattern,
    "tools": patterns.tool_pattern,
    "commands_allowed": command_pattern,
    "commands_blocked": command_pattern,
    "credentials": patterns.kind_pattern,
}


@dataclass(frozen=True, slots=True)
class Repositories:
    """Compiled repositories: names, and the pins as (host, id) and as name to the ids it may have."""

    names: patterns.Patterns
    pins: frozenset[tuple[str, str]]
    pinned: Mapping[str, frozenset[str]]

    def names_pinned_to(self, name: str | None, host_id: str) -> frozenset[str]:
        """Return the names that the list pins to the id at the host of ``name``; at any, where that cannot be read."""
        try:
            number = names.normalise_repository_id(host_id)
            host = None if name is None else names.host_of_repository(_repository(name))
        except names.Refused:
            return frozenset()  # such a question is refused for that
        return frozenset(
            known
            for known, numbers in self.pinned.items()
            if number in numbers and host in {None, names.host_of_repository(known)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledScope:
    """Lists ready to be asked; None where a list says nothing. Holds no state, so one serves every thread."""

    repositories: Repositories | None = None
    branches_allowed: patterns.Patterns | None = None
    branches_protected: patterns.Patterns | None = None
    paths_allowed: patterns.Patterns | None = None
    paths_blocked: patterns.Patterns | None = None
    environments: patterns.Patterns | None = None
    hosts: patterns.Patterns | None = None
    models: patterns.Patterns | None = None
    tools: patterns.Patterns | None = None
    commands_allowed: Commands | None = None
    commands_blocked: Commands | None = None
    credentials: patterns.Patterns | None = None
    whole_tree: bool = False


def compile_scope(scope: Scope) -> CompiledScope:
    """Compile a scope; raises ``Refused`` for a pattern that ``Policy.from_document`` would not take."""
    return compile_lists(scope.lists())


def compile_lists(lists: Mapping[str, tuple[str, ...]]) -> CompiledScope:
    """Compile the lists given by name; one left out says nothing, and a blocking list that is empty neither."""
    read = {
        name: tuple(READERS[name](pattern) for pattern in given)
        for name, given in lists.items()
        if given or name not in BLOCKING
    }
    built: dict[str, Any] = {name: _COMPILERS[name](given) for name, given in read.items()}
    return CompiledScope(**built, whole_tree=not patterns.WHOLE_TREE.isdisjoint(read.get("paths_allowed", ())))


def _repositories(given: tuple[str, ...]) -> Repositories:
    pinned: dict[str, frozenset[str]] = {}
    pins = set()
    for name, number in map(patterns.split_pin, given):
        if number:
            pinned[name] = pinned.get(name, frozenset()) | {number}
            pins.add((names.host_of_repository(name), number))
    return Repositories(patterns.compile_globs([patterns.split_pin(one)[0] for one in given]), frozenset(pins), pinned)


def _models(given: tuple[str, ...]) -> patterns.Patterns:
    return patterns.compile_globs(given, separator="\0" if "*" in given else "/")


_COMPILERS: Mapping[str, Callable[[tuple[str, ...]], object]] = {
    "repositories": _repositories,
    "branches_allowed": patterns.compile_globs,
    "branches_protected": partial(patterns.compile_globs, ignore_case=True),
    "paths_allowed": patterns.compile_paths,
    "paths_blocked": partial(patterns.compile_paths, ignore_case=True),
    "environments": patterns.compile_globs,
    "hosts": partial(patterns.compile_globs, separator="."),
    "models": _models,
    "tools": patterns.compile_tools,
    "commands_allowed": Commands,
    "commands_blocked": Commands,
    "credentials": patterns.compile_globs,
}


# The same few names are asked for again and again, and at every level. A refusal is not kept.
_KEPT = 4_096
_repository = lru_cache(_KEPT)(names.normalise_repository)
_branch = lru_cache(_KEPT)(names.normalise_branch)
_path = lru_cache(_KEPT)(names.normalise_path)


def match_repository(scope: CompiledScope, name: object, host_id: object = None) -> Found:
    """Return whether the repository is in the scope; with its host's id stated, the id decides over the name."""
    try:
        normal = _repository(names.as_text(name))
        number = None if host_id is None else names.normalise_repository_id(host_id)
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(name), str(refusal))
    listed = scope.repositories
    if listed is None:
        return Found(Match.ALLOWED, normal)
    if number is not None and listed.pins:
        if (names.host_of_repository(normal), number) in listed.pins:
            return Found(Match.ALLOWED, normal)
        if normal in listed.pinned:
            return Found(Match.REFUSED, normal, "Its host says that this is another repository of the same name.")
    return Found(Match.ALLOWED if listed.names.matches(normal) else Match.OUTSIDE, normal)


def match_branch(scope: CompiledScope, name: object) -> Found:
    """Return whether the branch may be worked on; a protected branch is blocked."""
    try:
        branch = _branch(names.as_text(name))
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(name), str(refusal))
    if scope.branches_protected is not None and scope.branches_protected.matches(branch):
        return Found(Match.BLOCKED, branch)
    return _listed(scope.branches_allowed, branch)


def match_path(scope: CompiledScope, path: object, *, root: str = "") -> Found:
    """Return whether the path may be touched. ``root`` is the working copy's own absolute path."""
    try:
        relative = _path(names.as_text(path), root=root)
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(path), str(refusal))
    if relative == ".":
        # The root holds every path, so only a scope of every path allows it.
        whole = scope.whole_tree or scope.paths_allowed is None
        return Found(Match.ALLOWED if whole else Match.OUTSIDE, relative)
    # With the final slash a pattern for a directory matches too: the name may be one.
    if scope.paths_blocked is not None and scope.paths_blocked.matches(relative + "/"):
        return Found(Match.BLOCKED, relative)
    return _listed(scope.paths_allowed, relative)


def match_environment(scope: CompiledScope, name: object) -> Found:
    """Return whether the environment is in the scope."""
    return _whole(scope.environments, names.normalise_environment, name)


def match_host(scope: CompiledScope, name: object) -> Found:
    """Return whether the host, with its port if it has one, is on the network list."""
    return _whole(scope.hosts, names.normalise_host, name)


def match_model(scope: CompiledScope, name: object, provider: object = None) -> Found:
    """Return whether the model is in the scope; ``provider`` may repeat the one that the name begins with."""
    try:
        model = names.normalise_model(name)
        whose = "" if provider is None else names.normalise_provider(provider)
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(name), str(refusal))
    if not whose:
        return _listed(scope.models, model)
    bare = model.removeprefix(f"{whose}/")
    full = _listed(scope.models, f"{whose}/{bare}")
    # A name that itself holds a slash would read as another provider's: only the full form is asked then.
    return full if full.allowed or "/" in bare else _listed(scope.models, bare)


def match_tool(scope: CompiledScope, name: object) -> Found:
    """Return whether the tool is in the scope."""
    return _whole(scope.tools, names.normalise_tool, name)


def match_credential(scope: CompiledScope, kind: object) -> Found:
    """Return whether an action may use a credential of this kind."""
    return _whole(scope.credentials, names.normalise_kind, kind)


def match_command(scope: CompiledScope, command: Words) -> tuple[Blocked, bool]:
    """Return whether the command is blocked, and whether it is in the list of allowed ones."""
    blocked = Blocked.NO if scope.commands_blocked is None else scope.commands_blocked.blocks(command)
    return blocked, scope.commands_allowed is None or scope.commands_allowed.allows(command)


def _listed(allowed: patterns.Patterns | None, normal: str) -> Found:
    return Found(Match.ALLOWED if allowed is None or allowed.matches(normal) else Match.OUTSIDE, normal)


def _whole(allowed: patterns.Patterns | None, normalise: Callable[[object], str], name: object) -> Found:
    try:
        return _listed(allowed, normalise(name))
    except names.Refused as refusal:
        return Found(Match.REFUSED, str(name), str(refusal))
