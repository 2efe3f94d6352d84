"""Modes: a rule that gates may be watched before it counts, and which rules may be.

A mode belongs to the document that the rule comes from, so a lower level cannot loosen a rule of a higher one.
What forbids, what protects, and what gates an action that cannot be undone is always enforced; so is a name
that has no safe meaning.
"""

from collections.abc import Mapping
from enum import StrEnum

from registry.rules.tiers import Tier


class Mode(StrEnum):
    """Recorded only, recorded and told to the agent, or counted. Every rule without a mode is enforced."""

    OBSERVE = "observe"
    WARN = "warn"
    ENFORCE = "enforce"

    @property
    def rank(self) -> int:
        """0 for observe, 1 for warn, 2 for enforce: the larger is the stricter."""
        return _RANK[self]


_RANK = {Mode.OBSERVE: 0, Mode.WARN: 1, Mode.ENFORCE: 2}

# The gates of the scope and of size. Tiers are added where the floor is free (``may_loosen``).
RULES: Mapping[str, str] = {
    "scope.repository.not-stated": "The repository is not stated",
    "scope.branch.not-stated": "The branch is not stated",
    "scope.branch.outside": "A branch outside the list",
    "scope.path.outside": "A path outside the list",
    "scope.host.outside": "A host outside the list",
    "scope.model.outside": "A model outside the list",
    "scope.tool.outside": "A tool outside the list",
    "scope.tool.not-stated": "The tool is not stated",
    "scope.command.outside": "A command outside the list",
    "limits.files": "More files than the limit",
    "limits.lines": "More lines than the limit",
    "task.not-stated": "The task type is not stated",
}


def may_loosen(rule: str, floors: Mapping[str, Tier]) -> bool:
    """Return whether a rule id may be in another mode than enforce. ``floors`` are the least tiers by action."""
    if rule in RULES:
        return True
    kind, _, key = rule.partition(".")
    return kind == "tier" and floors.get(key) is Tier.FREE
