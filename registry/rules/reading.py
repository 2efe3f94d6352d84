"""Reads the parts of a policy document, collecting every fault with its JSON pointer (RFC 6901).

A reader returns the best it can beside the faults, so that one reading shows a person all that is wrong;
what it returns is used only when there was no fault.
"""

from collections.abc import Callable, Mapping, Sequence

from registry.rules import patterns
from registry.rules.actions import BASELINE, CATALOGUE
from registry.rules.names import Refused
from registry.rules.scope import Scope
from registry.rules.tiers import Tier

Faults = list[dict[str, str]]

_LISTS: Mapping[str, Callable[[object], str]] = {
    "repositories": patterns.repository_pattern,
    "branches_allowed": patterns.branch_pattern,
    "branches_protected": patterns.protected_pattern,
    "paths_allowed": patterns.path_pattern,
    "paths_blocked": patterns.path_pattern,
    "environments": patterns.environment_pattern,
    "hosts": patterns.host_pattern,
    "models": patterns.model_pattern,
}


class PolicyError(Exception):
    """A policy document that cannot be taken. ``errors`` is a list of {"pointer", "detail"}."""

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        self.errors = [dict(error) for error in errors]
        super().__init__("; ".join(f"{error['pointer'] or '/'}: {error['detail']}" for error in self.errors))


def members(value: object, pointer: str, known: Sequence[str], faults: Faults) -> dict[str, object]:
    """Return the object's known members; anything else in it is a fault."""
    if not isinstance(value, dict):
        _fault(faults, pointer, "This must be an object.")
        return {}
    for key in value:
        if key not in known:
            _fault(
                faults,
                _below(pointer, key),
                f"There is no setting of this name here. Known are: {', '.join(known)}.",
            )
    return {key: value[key] for key in known if key in value}


def scope(value: object, pointer: str, faults: Faults) -> Scope:
    """Read the lists of patterns."""
    given = members(value, pointer, tuple(_LISTS), faults)
    return Scope(**{key: _patterns(given[key], f"{pointer}/{key}", _LISTS[key], faults) for key in given})


def _patterns(value: object, pointer: str, check: Callable[[object], str], faults: Faults) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        _fault(faults, pointer, "This must be a list of patterns.")
        return ()
    if len(value) > patterns.MAX_PATTERNS:
        _fault(faults, pointer, f"There are {len(value)} patterns; at most {patterns.MAX_PATTERNS} are taken.")
        return ()
    taken: dict[str, None] = {}
    for place, item in enumerate(value):
        try:
            normal = check(item)
        except Refused as refusal:
            _fault(faults, f"{pointer}/{place}", str(refusal))
            continue
        if normal in taken:
            _fault(faults, f"{pointer}/{place}", f"{normal} is listed twice.")
        taken[normal] = None
    return tuple(taken)


def tiers(value: object, pointer: str, faults: Faults) -> dict[str, Tier]:
    """Read the tier of each action named; one looser than the baseline is a fault."""
    unknown: Faults = []
    given = members(value, pointer, tuple(CATALOGUE), unknown)
    for fault in unknown:
        detail = "No action of this name is in the catalogue." if fault["pointer"] != pointer else fault["detail"]
        _fault(faults, fault["pointer"], detail)
    taken = {}
    for key, item in given.items():
        tier = _tier(item)
        if tier is None:
            _fault(faults, _below(pointer, key), "The tier must be free, gated or forbidden.")
        elif tier.rank < BASELINE[key].rank:
            _fault(
                faults,
                _below(pointer, key),
                f"The organisation's baseline is {BASELINE[key].value}; a policy may only be stricter.",
            )
        else:
            taken[key] = tier
    return taken


def _tier(value: object) -> Tier | None:
    return next((tier for tier in Tier if isinstance(value, str) and tier.value == value), None)


def numbers(value: object, pointer: str, bounds: Mapping[str, tuple[int, int]], faults: Faults) -> dict[str, int]:
    """Read whole numbers within their bounds. True and False are not numbers here, nor is text or 1.0."""
    taken = {}
    for key, item in members(value, pointer, tuple(bounds), faults).items():
        least, most = bounds[key]
        if type(item) is not int:
            _fault(faults, _below(pointer, key), "This must be a whole number.")
        elif not least <= item <= most:
            _fault(faults, _below(pointer, key), f"This must be from {least} to {most}.")
        else:
            taken[key] = item
    return taken


def _below(pointer: str, key: object) -> str:
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def _fault(faults: Faults, pointer: str, detail: str) -> None:
    faults.append({"pointer": pointer, "detail": detail})
