"""The parts of a rulebook as values: groups, stages, the rules of who decides, and its numbers with their bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from portal.ledger.rules.canonical import JSONValue

TEAM, SECURITY = "team", "security"
# The two groups that always are; every other key is the slug of one in the book with this before it.
GROUP = "group:"
MOST_QUORUM = 10


class StepUp(StrEnum):
    """What an approval must be confirmed with: nothing more, a fresh proof, or a passkey over exactly this action."""

    NONE = "none"
    FRESH = "fresh"
    PASSKEY = "passkey"

    @property
    def rank(self) -> int:
        """How strict it is; the greater the stricter."""
        return _STRICTNESS.index(self)


_STRICTNESS = (StepUp.NONE, StepUp.FRESH, StepUp.PASSKEY)


def whole_quorum(quorum: object) -> int:
    """Return a quorum that asks for somebody, or raise ``ValueError``: one below 1 would approve without anyone."""
    if type(quorum) is not int or quorum < 1:
        raise ValueError("A quorum is a whole number of at least 1.")
    return quorum


@dataclass(frozen=True, slots=True)
class Stage:
    """So many different people of any of these groups. A key is ``team``, ``security`` or ``group:`` and a slug."""

    name: str
    groups: tuple[str, ...]
    quorum: int

    def __post_init__(self) -> None:
        whole_quorum(self.quorum)
        if not self.groups:
            raise ValueError("A stage names at least one group.")

    @property
    def who(self) -> frozenset[str]:
        """The groups as a set: two stages with the same are one."""
        return frozenset(self.groups)

    def to_document(self) -> dict[str, JSONValue]:
        return {"name": self.name, "groups": list(self.groups), "quorum": self.quorum}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People of the organisation who decide together; ``members`` in on-call order."""

    name: str
    members: tuple[UUID, ...] = ()

    def to_document(self) -> dict[str, JSONValue]:
        return {"name": self.name, "members": [str(member) for member in self.members]}


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a rule is for. What is left empty is any; all that is said must hold."""

    teams: frozenset[UUID] = frozenset()
    actions: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    risk_at_least: int = 0

    def to_document(self) -> dict[str, JSONValue]:
        written: dict[str, JSONValue] = {
            "teams": sorted(map(str, self.teams)),
            "actions": list(self.actions),
            "environments": list(self.environments),
            "tasks": list(self.tasks),
            "risk_at_least": self.risk_at_least,
        }
        return {name: value for name, value in written.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoRule:
    """One rule of who decides: for what, and the stages that it adds. Minutes are None where it says nothing."""

    id: str
    name: str
    on: bool = True
    when: When = field(default_factory=When)
    stages: tuple[Stage, ...] = ()
    expires_minutes: int | None = None
    grant_minutes: int | None = None

    def to_document(self) -> dict[str, JSONValue]:
        written: dict[str, JSONValue] = {
            "id": self.id,
            "name": self.name,
            "on": self.on,
            "when": self.when.to_document(),
            "stages": [stage.to_document() for stage in self.stages],
        }
        for name in MINUTES:
            if (minutes := getattr(self, name)) is not None:
                written[name] = minutes
        return written


# The factors of the risk score and what each weighs until an organisation says otherwise.
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "production": 40,
        "secret_like": 35,
        "irreversible": 40,
        "not_understood": 30,
        "hidden_text": 30,
        "sensitive_path": 25,
        "ci_or_infra": 25,
        "dependency": 20,
        "outside_host": 20,
        "hard": 15,
        "files": 15,
        "lines": 15,
        "unattended": 10,
        "first_time": 10,
        "no_tests": 5,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRule:
    """What each factor weighs, and from which score on a request counts as elevated and as high."""

    weights: Mapping[str, int] = field(default_factory=dict)
    elevated: int = 40
    high: int = 70

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", MappingProxyType({**WEIGHTS, **self.weights}))

    def to_document(self) -> dict[str, JSONValue]:
        return {"weights": dict(self.weights), "elevated": self.elevated, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUps:
    """The proof that is asked for what cannot be undone, and for each band of risk."""

    irreversible: StepUp = StepUp.FRESH
    elevated: StepUp = StepUp.NONE
    high: StepUp = StepUp.PASSKEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """The least characters of a reason to approve, by band. Saying no, or asking for changes, always takes three."""

    low: int = 3
    elevated: int = 3
    high: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """For how long who changed a policy may not approve under it; whether an editor of a request may approve it."""

    policy_editor_days: int = 7
    payload_editor_may_approve: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatigue:
    """The most requests of one agent in ten minutes, its pause after that, and what counts as a quick approval."""

    most_in_ten_minutes: int = 40
    cool_down_minutes: int = 10
    quick_seconds: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """How many planted requests there are for each hundred real ones."""

    per_hundred: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """After which part of the time without a decision the next in line are told."""

    after_percent: int = 50


# Least and greatest of each number. The bounds keep a slip of the keyboard from switching something off.
MINUTES: Mapping[str, tuple[int, int]] = MappingProxyType({"expires_minutes": (1, 10_080), "grant_minutes": (1, 120)})
THRESHOLDS: Mapping[str, tuple[int, int]] = MappingProxyType({"elevated": (1, 100), "high": (1, 100)})
REASONS: Mapping[str, tuple[int, int]] = MappingProxyType({"low": (3, 500), "elevated": (3, 500), "high": (3, 500)})
FATIGUE: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"most_in_ten_minutes": (1, 1000), "cool_down_minutes": (1, 1440), "quick_seconds": (1, 120)}
)
CANARIES: Mapping[str, tuple[int, int]] = MappingProxyType({"per_hundred": (0, 20)})
ESCALATION: Mapping[str, tuple[int, int]] = MappingProxyType({"after_percent": (10, 95)})
POLICY_EDITOR_DAYS = (0, 90)
WEIGHT = (0, 100)


def plain(part: Any) -> dict[str, JSONValue]:
    """Return the members of a part that holds only numbers, truth values and words."""
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in _members(part)}


def _members(part: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(part, name)) for name in part.__dataclass_fields__]
