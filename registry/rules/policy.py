"""An agent's policy as a value: scope, tiers, limits and approval rule, and its one JSON document.

The document has four members, all optional, and no others: ``scope`` (lists of patterns), ``tiers`` (action
key to tier), ``limits`` (files, lines) and ``approval`` (quorum, expires_minutes, grant_minutes). A scope
list left out is empty and allows nothing. What happens when time runs out is not a setting: it denies.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from portal.ledger.rules.canonical import JSONValue, canonicalize
from registry.rules import reading
from registry.rules.actions import BASELINE, CATALOGUE, UNKNOWN, action_type
from registry.rules.reading import PolicyError
from registry.rules.scope import CompiledScope, Scope, compile_scope
from registry.rules.tiers import Tier, strictest

__all__ = [
    "ApprovalRule",
    "CompiledPolicy",
    "Limits",
    "Policy",
    "PolicyError",
    "Scope",
    "compile",
    "digest",
    "template",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest change that is not gated for its size: files touched, and lines added plus removed."""

    files: int = 20
    lines: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """How many people approve, how long they have, and how long the grant then lives (minutes)."""

    quorum: int = 1
    expires_minutes: int = 60
    grant_minutes: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one agent may do. ``tiers`` holds what was written; ``tier_of`` is what counts."""

    scope: Scope = field(default_factory=Scope)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    approval: ApprovalRule = field(default_factory=ApprovalRule)

    def __post_init__(self) -> None:
        # A compiled policy is kept by revision; a mapping that could change under it would be a way round.
        object.__setattr__(self, "tiers", MappingProxyType(dict(self.tiers)))

    def tier_of(self, key: str) -> Tier:
        """Return the tier of an action, never below the baseline; a key not known counts as ``unknown``."""
        action = action_type(key)
        written = self.tiers.get(action.key, action.default_tier)
        return strictest(written, BASELINE[action.key])

    @classmethod
    def from_document(cls, document: object) -> "Policy":
        """Return the policy of a parsed JSON document, or raise ``PolicyError`` with every fault in it."""
        faults: list[dict[str, str]] = []
        top = reading.members(document, "", ("scope", "tiers", "limits", "approval"), faults)
        policy = cls(
            scope=reading.scope(top.get("scope", {}), "/scope", faults),
            tiers=reading.tiers(top.get("tiers", {}), "/tiers", faults),
            limits=Limits(**reading.numbers(top.get("limits", {}), "/limits", _LIMITS, faults)),
            approval=ApprovalRule(**reading.numbers(top.get("approval", {}), "/approval", _APPROVAL, faults)),
        )
        if faults:
            raise PolicyError(faults)
        return policy

    def to_document(self) -> dict[str, JSONValue]:
        """Return the JSON document: text, whole numbers, lists and objects only."""
        return {
            "scope": {part.name: list(getattr(self.scope, part.name)) for part in fields(Scope)},
            "tiers": {key: tier.value for key, tier in self.tiers.items()},
            "limits": {part.name: getattr(self.limits, part.name) for part in fields(Limits)},
            "approval": {part.name: getattr(self.approval, part.name) for part in fields(ApprovalRule)},
        }


# Least and greatest of each number. The upper bounds keep a slip of the keyboard from switching a rule off.
_LIMITS = {"files": (1, 10_000), "lines": (1, 1_000_000)}
_APPROVAL = {"quorum": (1, 10), "expires_minutes": (1, 10_080), "grant_minutes": (1, 120)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A policy ready to be asked, for one revision; safe to keep and to share between threads."""

    policy: Policy
    scope: CompiledScope
    tiers: Mapping[str, Tier]

    def tier(self, key: str) -> Tier:
        """Return the tier of an action key; a key not in the catalogue has the tier of ``unknown``."""
        return self.tiers.get(key, self.tiers[UNKNOWN])


def compile(policy: Policy) -> CompiledPolicy:  # noqa: A001 - re.compile is named so for the same reason
    """Compile the scope and settle the tier of every action in the catalogue."""
    return CompiledPolicy(
        policy=policy,
        scope=compile_scope(policy.scope),
        tiers=MappingProxyType({key: policy.tier_of(key) for key in CATALOGUE}),
    )


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
