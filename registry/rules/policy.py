"""An agent's policy as a value, and its one JSON document.

The members of the document, all optional, and no others: ``scope`` (lists of patterns), ``tiers`` (action key to
tier), ``limits`` (files, lines, lease_seconds), ``approval`` (quorum, expires_minutes, grant_minutes), ``modes``
(rule id to observe, warn or enforce), ``tasks`` (the name of a task type to a restriction) and ``composition``
(what the agent is pinned to). A scope list left out is empty and allows nothing, but for ``tools`` and
``commands_allowed``, which came later: left out, they take nothing away. What happens when time runs out is not
a setting: it denies.

Members that came after the first release are written only when they say something, so that the digest of an
older revision stays what it was.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from portal.ledger.rules.canonical import JSONValue, canonicalize
from registry.rules import reading
from registry.rules.actions import BASELINE, CATALOGUE, action_type
from registry.rules.catalogue import Catalogue
from registry.rules.composition import Composition
from registry.rules.modes import Mode
from registry.rules.numbers import APPROVAL, LIMITS, ApprovalRule, Limits
from registry.rules.reading import Faults, PolicyError
from registry.rules.restriction import Restriction
from registry.rules.scope import Scope
from registry.rules.tiers import Tier, strictest

__all__ = [
    "ApprovalRule",
    "Limits",
    "Policy",
    "PolicyError",
    "Scope",
    "digest",
    "template",
]

MEMBERS = ("scope", "tiers", "limits", "approval", "modes", "tasks", "composition")
# Written from the first release on, whatever they hold.
_FIRST_LISTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one agent may do. ``tiers`` holds what was written; ``tier_of`` is what counts by this document alone."""

    scope: Scope = field(default_factory=Scope)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    approval: ApprovalRule = field(default_factory=ApprovalRule)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    tasks: Mapping[str, Restriction] = field(default_factory=dict)
    composition: Composition = field(default_factory=Composition)

    def __post_init__(self) -> None:
        # A compiled policy is kept by revision; a mapping that could change under it would be a way round.
        for name in ("tiers", "modes", "tasks"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def tier_of(self, key: str) -> Tier:
        """Return the tier of an action, never below the baseline; a key not known counts as ``unknown``."""
        action = action_type(key)
        written = self.tiers.get(action.key, action.default_tier)
        return strictest(written, BASELINE[action.key])

    @classmethod
    def from_document(cls, document: object, *, catalogue: Catalogue | None = None) -> "Policy":
        """Return the policy of a document that somebody wrote, or raise ``PolicyError`` with every fault in it.

        ``catalogue`` is the organisation's; without it only built-in actions are known.
        """
        return cls._read(document, catalogue or Catalogue())

    @classmethod
    def stored(cls, document: object) -> "Policy":
        """Return the policy of a revision that was taken before, whatever has left the organisation's catalogue."""
        return cls._read(document, None)

    @classmethod
    def _read(cls, document: object, catalogue: Catalogue | None) -> "Policy":
        faults: Faults = []
        top = reading.members(document, "", MEMBERS, faults)

        def restriction(value: object, pointer: str) -> Restriction:
            return Restriction.read(value, pointer, faults, catalogue)

        policy = cls(
            scope=Scope(**reading.lists(top.get("scope", {}), "/scope", faults)),
            tiers=reading.tiers(top.get("tiers", {}), "/tiers", faults, catalogue),
            limits=Limits(**reading.numbers(top.get("limits", {}), "/limits", LIMITS, faults)),
            approval=ApprovalRule(**reading.numbers(top.get("approval", {}), "/approval", APPROVAL, faults)),
            modes=reading.modes(top.get("modes", {}), "/modes", faults, catalogue),
            tasks=reading.tasks(top.get("tasks", {}), "/tasks", faults, restriction),
            composition=reading.composition(top.get("composition", {}), "/composition", faults),
        )
        if faults:
            raise PolicyError(faults)
        return policy

    def to_document(self) -> dict[str, JSONValue]:
        """Return the JSON document: text, whole numbers, lists and objects only."""
        document: dict[str, JSONValue] = {
            "scope": _lists(self.scope),
            "tiers": {key: tier.value for key, tier in self.tiers.items()},
            "limits": {
                part.name: getattr(self.limits, part.name)
                for part in fields(Limits)
                if part.name != "lease_seconds" or self.limits.lease_seconds != Limits().lease_seconds
            },
            "approval": {part.name: getattr(self.approval, part.name) for part in fields(ApprovalRule)},
        }
        if self.modes:
            document["modes"] = {rule: mode.value for rule, mode in self.modes.items()}
        if self.tasks:
            document["tasks"] = {name: task.to_document() for name, task in self.tasks.items()}
        if self.composition != Composition():
            document["composition"] = self.composition.to_document()
        return document


def _lists(scope: Scope) -> dict[str, JSONValue]:
    later = Scope()
    return {
        part.name: list(getattr(scope, part.name))
        for place, part in enumerate(fields(Scope))
        if place < _FIRST_LISTS or getattr(scope, part.name) != getattr(later, part.name)
    }


def digest(policy: Policy) -> str:
    """Return the lower-case hex SHA-256 of the document's canonical JSON (RFC 8785)."""
    return hashlib.sha256(canonicalize(policy.to_document())).hexdigest()


def template() -> Policy:
    """Return the tight policy that a registration starts from; it names no repository: nothing is allowed."""
    return Policy(
        scope=Scope(
            branches_allowed=("feature/**", "fix/**", "agent/**"),
            branches_protected=("main", "master", "develop", "production", "release/**", "hotfix/**"),
            paths_allowed=("**",),
            paths_blocked=(
                ".env",
                ".env.*",
                "*.pem",
                "*.key",
                "*.p12",
                "id_rsa*",
                "id_ed25519*",
                "secrets/",
                ".git/",
            ),
            environments=("development", "test", "staging"),
            models=("*",),
        ),
        tiers={key: action.default_tier for key, action in CATALOGUE.items()},
    )
