"""A restriction: the same members as a policy, where whatever is left out takes nothing away.

Used for the organisation's baseline, a team's baseline, each task type, and the narrowing of a credential. A
restriction never allows anything by itself; it is asked beside the agent's own policy, and the strictest answer
counts. In a restriction a listed host takes nothing away either, and lifts no gate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from portal.ledger.rules.canonical import JSONValue
from registry.rules import reading
from registry.rules.actions import ActionType, Reversibility
from registry.rules.catalogue import MOST_ACTIONS, MOST_KEY, Catalogue, OwnAction, is_own_key
from registry.rules.commands import command_pattern
from registry.rules.modes import Mode
from registry.rules.numbers import APPROVAL, LIMITS
from registry.rules.patterns import tool_pattern
from registry.rules.reading import Faults, PolicyError
from registry.rules.scope import BLOCKING
from registry.rules.tiers import Tier

MEMBERS = ("scope", "tiers", "limits", "approval", "modes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What one level above or below an agent's policy takes away. Every mapping holds what was written, only."""

    scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    approval: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in MEMBERS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __hash__(self) -> int:
        return hash(repr(self.to_document()))

    @classmethod
    def from_document(cls, document: object, *, catalogue: Catalogue | None = None) -> Self:
        """Return the restriction of a parsed JSON document that somebody wrote, or raise ``PolicyError``.

        ``catalogue`` is the organisation's; without it only built-in actions are known.
        """
        return cls._whole(document, catalogue or Catalogue())

    @classmethod
    def stored(cls, document: object) -> Self:
        """Return a restriction that was taken before, whatever has left the organisation's catalogue since."""
        return cls._whole(document, None)

    @classmethod
    def _whole(cls, document: object, catalogue: Catalogue | None) -> Self:
        faults: Faults = []
        restriction = cls.read(document, "", faults, catalogue)
        if faults:
            raise PolicyError(faults)
        return restriction

    @classmethod
    def read(cls, document: object, pointer: str, faults: Faults, catalogue: Catalogue | None) -> Self:
        """Read a restriction that stands at ``pointer`` of a larger document."""
        return cls(**_members(reading.members(document, pointer, MEMBERS, faults), pointer, faults, catalogue))

    def to_document(self) -> dict[str, JSONValue]:
        """Return the JSON document: what was written, and nothing for what was left out."""
        parts: dict[str, dict[str, JSONValue]] = {
            "scope": {name: list[JSONValue](given) for name, given in self.scope.items()},
            "tiers": {key: tier.value for key, tier in self.tiers.items()},
            "limits": dict(self.limits),
            "approval": dict(self.approval),
            "modes": {rule: mode.value for rule, mode in self.modes.items()},
        }
        return {name: part for name, part in parts.items() if part}


def _members(given: Mapping[str, object], pointer: str, faults: Faults, catalogue: Catalogue | None) -> dict[str, Any]:
    scope = reading.lists(given.get("scope", {}), f"{pointer}/scope", faults)
    return {
        # An empty list of what is blocked says nothing; an empty list of what is allowed allows nothing.
        "scope": {name: entries for name, entries in scope.items() if entries or name not in BLOCKING},
        "tiers": reading.tiers(given.get("tiers", {}), f"{pointer}/tiers", faults, catalogue),
        "limits": reading.numbers(given.get("limits", {}), f"{pointer}/limits", LIMITS, faults),
        "approval": reading.numbers(given.get("approval", {}), f"{pointer}/approval", APPROVAL, faults),
        "modes": reading.modes(given.get("modes", {}), f"{pointer}/modes", faults, catalogue),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Restriction):
    """The organisation's document: a restriction of every agent, and the organisation's own action types."""

    actions: tuple[OwnAction, ...] = ()

    def __hash__(self) -> int:
        return hash(repr(self.to_document()))

    @property
    def catalogue(self) -> Catalogue:
        """Return the action types that count with this baseline."""
        return Catalogue(self.actions)

    @classmethod
    def read(cls, document: object, pointer: str, faults: Faults, catalogue: Catalogue | None) -> Self:
        """Read the baseline; its own actions count for its tiers and modes."""
        given = reading.members(document, pointer, (*MEMBERS, "actions"), faults)
        actions = _actions(given.get("actions", {}), f"{pointer}/actions", faults)
        extended = None if catalogue is None else Catalogue(actions)
        return cls(**_members(given, pointer, faults, extended), actions=actions)

    def to_document(self) -> dict[str, JSONValue]:
        """Return the JSON document, with ``actions`` when there are any."""
        # Named, since super() without arguments does not work in a class with slots.
        document = Restriction.to_document(self)
        if self.actions:
            document["actions"] = {one.kind.key: one.to_document() for one in self.actions}
        return document


_ACTION = ("label", "reversibility", "tier", "explain", "tools", "commands")


def _actions(value: object, pointer: str, faults: Faults) -> tuple[OwnAction, ...]:
    if not isinstance(value, dict):
        reading.fault(faults, pointer, "This must be an object: the key of an action, and what it is.")
        return ()
    if len(value) > MOST_ACTIONS:
        reading.fault(faults, pointer, f"There are {len(value)} actions; at most {MOST_ACTIONS} are taken.")
        return ()
    return tuple(_action(key, item, reading.below(pointer, key), faults) for key, item in value.items())


def _action(key: object, value: object, pointer: str, faults: Faults) -> OwnAction:
    if not is_own_key(key):
        detail = f"The key is at most {MOST_KEY} small letters with a dot, as in acme.release, and not built in."
        reading.fault(faults, pointer, detail)
    given = reading.members(value, pointer, _ACTION, faults)
    reversibility = reading.one_of(Reversibility, given.get("reversibility"))
    if reversibility is None:
        known = ", ".join(one.value for one in Reversibility)
        reading.fault(faults, f"{pointer}/reversibility", f"How far it can be undone is one of: {known}.")
        reversibility = Reversibility.IRREVERSIBLE
    tier = reading.one_of(Tier, given.get("tier"))
    if tier is None:
        reading.fault(faults, f"{pointer}/tier", "The tier must be free, gated or forbidden.")
        tier = Tier.FORBIDDEN
    if tier is Tier.FREE and reversibility is Reversibility.IRREVERSIBLE:
        reading.fault(faults, f"{pointer}/tier", "What cannot be undone is never free.")
    tools = reading.patterns_of(given.get("tools", []), f"{pointer}/tools", tool_pattern, faults)
    commands = reading.patterns_of(given.get("commands", []), f"{pointer}/commands", command_pattern, faults)
    if not tools and not commands:
        reading.fault(faults, pointer, "Name at least one tool or command; without one nothing is ever this action.")
    kind = ActionType(
        str(key),
        reading.text(given.get("label", ""), f"{pointer}/label", 60, faults),
        reversibility,
        tier,
        reading.text(given.get("explain", ""), f"{pointer}/explain", 200, faults),
    )
    return OwnAction(kind=kind, tools=tools, commands=commands)
