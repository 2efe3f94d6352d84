"""What a question needs of the lists that grant: which entries of an agent's scope it relied on.

The reverse of ``authorize``: there a name is looked for in all entries at once, here each entry is asked alone,
so that an entry which nothing ever matched can be told from one that carries the work.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from approvals.rules.authorize import Question
from approvals.rules.classify.actions import Action
from registry.rules.recertification import GRANTING, Granted, entries_of
from registry.rules.scope import (
    CompiledScope,
    compile_lists,
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

Value = tuple[object, ...]
_MOST_KEPT = 50_000

_MATCHES: Mapping[str, Callable[..., bool]] = {
    "repositories": lambda scope, *name: match_repository(scope, *name).allowed,
    "branches_allowed": lambda scope, name: match_branch(scope, name).allowed,
    "paths_allowed": lambda scope, path: match_path(scope, path).allowed,
    "environments": lambda scope, name: match_environment(scope, name).allowed,
    "hosts": lambda scope, name: match_host(scope, name).allowed,
    "models": lambda scope, *name: match_model(scope, *name).allowed,
    "tools": lambda scope, name: match_tool(scope, name).allowed,
    "commands_allowed": lambda scope, *words: match_command(scope, words)[1],
    "credentials": lambda scope, kind: match_credential(scope, kind).allowed,
}
_ON_BRANCH = frozenset({"push.branch", "branch.create", "push.protected", "commit"})


class Need(NamedTuple):
    """A name that the question brings to one list."""

    name: str
    value: Value


def needs_of(question: Question) -> Iterator[Need]:
    """Every name that a question brings to the lists that grant. What was not stated needs nothing."""
    if question.repository is not None:
        yield Need("repositories", (question.repository, question.repository_id))
    if question.model is not None:
        yield Need("models", (question.model, question.provider))
    if question.tool is not None:
        yield Need("tools", (question.tool,))
    if question.credential is not None:
        yield Need("credentials", (question.credential,))
    for action in question.actions:
        yield from _of_action(action, question)


def _of_action(action: Action, question: Question) -> Iterator[Need]:
    for path in action.paths:
        if not path.startswith("/"):
            yield Need("paths_allowed", (path,))
    branch = action.branch if action.branch is not None else question.branch
    if branch is not None and action.type in _ON_BRANCH:
        yield Need("branches_allowed", (branch,))
    environment = action.environment or question.environment
    if environment is not None:
        yield Need("environments", (environment,))
    if action.host is not None:
        yield Need("hosts", (action.host,))
    if action.command:
        yield Need("commands_allowed", tuple(action.command))


class Grants:
    """What one policy grants, each entry ready to be asked alone."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self.entries = entries_of(document)
        self._alone: dict[str, list[tuple[Granted, CompiledScope]]] = {name: [] for name in GRANTING}
        for granted in self.entries:
            name = granted.pointer.rpartition("/")[2]
            self._alone[name].append((granted, compile_lists({name: (granted.entry,)})))
        self._listing = frozenset(name for name, rows in self._alone.items() if rows)
        self._known: dict[Need, tuple[Granted, ...]] = {}

    def used_by(self, question: Question) -> frozenset[Granted]:
        """The entries that the question relied on, and the actions it was about.

        Of several entries that match the same name all count: none of them alone can be shown to be idle.
        """
        found: set[Granted] = set()
        for need in needs_of(question):
            if need.name in self._listing:
                found.update(self._matching(need))
        return frozenset(found)

    def _matching(self, need: Need) -> tuple[Granted, ...]:
        known = self._known.get(need)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            matches = _MATCHES[need.name]
            known = tuple(granted for granted, scope in self._alone[need.name] if matches(scope, *need.value))
            self._known[need] = known
        return known
