"""Reads the parts of a policy document, collecting every fault with its JSON pointer (RFC 6901).

A reader returns the best it can beside the faults, so that one reading shows a person all that is wrong;
what it returns is used only when there was no fault.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from registry.rules import composition as made_of
from registry.rules import patterns
from registry.rules.catalogue import Catalogue, is_own_key
from registry.rules.composition import Composition
from registry.rules.modes import Mode, may_loosen
from registry.rules.names import Refused, normalise_task
from registry.rules.scope import READERS
from registry.rules.texts import fault_in
from registry.rules.tiers import Tier

Faults = list[dict[str, str]]
_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)

# A document with a million faults is shown as one with these; the count of the rest is said.
MOST_FAULTS = 200
MOST_TASKS = 20


class PolicyError(Exception):
    """A policy document that cannot be taken. ``errors`` is a list of {"pointer", "detail"}."""

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        self.errors = [dict(error) for error in errors[:MOST_FAULTS]]
        if len(errors) > MOST_FAULTS:
            self.errors.append({"pointer": "", "detail": f"There are {len(errors) - MOST_FAULTS} more faults."})
        super().__init__("; ".join(f"{error['pointer'] or '/'}: {error['detail']}" for error in self.errors))


def members(value: object, pointer: str, known: Sequence[str], faults: Faults) -> dict[str, object]:
    """Return the object's known members; anything else in it is a fault."""
    if not isinstance(value, dict):
        fault(faults, pointer, "This must be an object.")
        return {}
    for key in value:
        if key not in known:
            detail = f"There is no setting of this name here. Known are: {', '.join(known)}."
            fault(faults, below(pointer, key), detail)
    return {key: value[key] for key in known if key in value}


def lists(value: object, pointer: str, faults: Faults) -> dict[str, tuple[str, ...]]:
    """Read the lists of patterns that were written, by name."""
    given = members(value, pointer, tuple(READERS), faults)
    return {key: patterns_of(given[key], f"{pointer}/{key}", READERS[key], faults) for key in given}


def patterns_of(value: object, pointer: str, check: Callable[[object], str], faults: Faults) -> tuple[str, ...]:
    """Read one list of patterns."""
    if not isinstance(value, list | tuple):
        fault(faults, pointer, "This must be a list of patterns.")
        return ()
    if len(value) > patterns.MAX_PATTERNS:
        fault(faults, pointer, f"There are {len(value)} patterns; at most {patterns.MAX_PATTERNS} are taken.")
        return ()
    taken: dict[str, None] = {}
    for place, item in enumerate(value):
        try:
            normal = check(item)
        except Refused as refusal:
            fault(faults, f"{pointer}/{place}", str(refusal))
            continue
        if normal in taken:
            fault(faults, f"{pointer}/{place}", f"{normal} is listed twice.")
        taken[normal] = None
    return tuple(taken)


def tiers(value: object, pointer: str, faults: Faults, catalogue: Catalogue | None) -> dict[str, Tier]:
    """Read the tier of each action named; one looser than its floor is a fault.

    ``catalogue`` is None for a document that was taken before: an action that the organisation has since
    removed stays in it, and means nothing.
    """
    if not isinstance(value, dict):
        fault(faults, pointer, "This must be an object.")
        return {}
    floors = (catalogue or Catalogue()).floors
    taken = {}
    for key, item in value.items():
        tier = one_of(Tier, item)
        if key not in floors and (catalogue is not None or not is_own_key(key)):
            fault(faults, below(pointer, key), "No action of this name is in the catalogue.")
        elif tier is None:
            fault(faults, below(pointer, key), "The tier must be free, gated or forbidden.")
        elif tier.rank < (least := floors.get(key, Tier.FREE)).rank:
            detail = f"The organisation's baseline is {least.value}; a policy may only be stricter."
            fault(faults, below(pointer, key), detail)
        else:
            taken[key] = tier
    return taken


def numbers(value: object, pointer: str, bounds: Mapping[str, tuple[int, int]], faults: Faults) -> dict[str, int]:
    """Read whole numbers within their bounds. True and False are not numbers here, nor is text or 1.0."""
    taken = {}
    for key, item in members(value, pointer, tuple(bounds), faults).items():
        least, most = bounds[key]
        if type(item) is not int:
            fault(faults, below(pointer, key), "This must be a whole number.")
        elif not least <= item <= most:
            fault(faults, below(pointer, key), f"This must be from {least} to {most}.")
        else:
            taken[key] = item
    return taken


def modes(value: object, pointer: str, faults: Faults, catalogue: Catalogue | None) -> dict[str, Mode]:
    """Read the mode of each rule named; a rule that is always enforced has none."""
    if not isinstance(value, dict):
        fault(faults, pointer, "This must be an object.")
        return {}
    floors = (catalogue or Catalogue()).floors
    taken = {}
    for rule, item in value.items():
        mode = one_of(Mode, item)
        gone = catalogue is None and isinstance(rule, str) and is_own_key(rule.removeprefix("tier."))
        if not isinstance(rule, str) or not (gone or may_loosen(rule, floors)):
            detail = "This is not a rule that can be observed or warned about; it is always enforced, or there is none."
            fault(faults, below(pointer, rule), detail)
        elif mode is None:
            fault(faults, below(pointer, rule), "The mode must be observe, warn or enforce.")
        else:
            taken[rule] = mode
    return taken


def tasks(value: object, pointer: str, faults: Faults, read: Callable[[object, str], _T]) -> dict[str, _T]:
    """Read the task types, each by ``read`` with its own pointer."""
    if not isinstance(value, dict):
        fault(faults, pointer, "This must be an object: the name of a task type, and what it is restricted to.")
        return {}
    if len(value) > MOST_TASKS:
        fault(faults, pointer, f"There are {len(value)} task types; at most {MOST_TASKS} are taken.")
        return {}
    taken = {}
    for name, item in value.items():
        try:
            taken[normalise_task(name)] = read(item, below(pointer, name))
        except Refused as refusal:
            fault(faults, below(pointer, name), str(refusal))
    return taken


def composition(value: object, pointer: str, faults: Faults) -> Composition:
    """Read what the agent is pinned to."""
    given = members(value, pointer, ("required", "pinned"), faults)
    required = given.get("required", False)
    if type(required) is not bool:
        fault(faults, f"{pointer}/required", "This must be true or false.")
    pinned = _pinned(given.get("pinned", {}), f"{pointer}/pinned", faults)
    if required is True and not pinned:
        fault(faults, f"{pointer}/pinned", "Pin something: without it no fingerprint can be the right one.")
    return Composition(required=required is True, pinned=pinned)


def _pinned(value: object, pointer: str, faults: Faults) -> dict[str, made_of.Pinned]:
    taken: dict[str, made_of.Pinned] = {}
    for name, item in members(value, pointer, made_of.MEMBERS, faults).items():
        if name in made_of.TEXTS:
            taken[name] = _text(item, f"{pointer}/{name}", made_of.MOST_TEXT, faults)
        elif not isinstance(item, list | tuple) or len(item) > made_of.MOST_ENTRIES:
            fault(faults, f"{pointer}/{name}", f"This must be a list of at most {made_of.MOST_ENTRIES} texts.")
        else:
            texts = [
                _text(one, f"{pointer}/{name}/{place}", made_of.MOST_TEXT, faults) for place, one in enumerate(item)
            ]
            taken[name] = tuple(sorted(set(texts)))
    return taken


def _text(value: object, pointer: str, most: int, faults: Faults, *, required: bool = True) -> str:
    if not isinstance(value, str):
        fault(faults, pointer, "This must be a text.")
        return ""
    if wrong := fault_in(value, most=most, required=required):
        fault(faults, pointer, f"It {wrong}.")
    return value


def text(value: object, pointer: str, most: int, faults: Faults, *, required: bool = True) -> str:
    """Read one line of text."""
    return _text(value, pointer, most, faults, required=required)


def one_of(kind: type[_E], value: object) -> _E | None:
    """Return the member with exactly this value, or None."""
    return next((item for item in kind if isinstance(value, str) and item.value == value), None)


def below(pointer: str, key: object) -> str:
    """Return the pointer of a member."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def fault(faults: Faults, pointer: str, detail: str) -> None:
    """Add a fault."""
    faults.append({"pointer": pointer, "detail": detail})
