"""``.ai-code-gate.yml`` read as far as it says what an agent may do; the rest is listed with why it does not map.

There is no standard for such files. This knows the members that the ones in use have in common: limits, paths,
branches, reviewers, models, tools, commands, environments, hosts and the treatment of actions. Most of a gate file
says how good code must be, which is for the build to judge and not for this portal. Every value of the file ends up
in exactly one of the two lists.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.ledger.rules.canonical import JSONValue
from registry.rules.actions import CATALOGUE
from registry.rules.policy import Policy
from registry.rules.reading import PolicyError, below
from registry.rules.yaml_lines import Parsed


@dataclass(frozen=True, slots=True)
class Row:
    """One value of the file: its line and place, and what became of it in a sentence."""

    line: int
    pointer: str
    sentence: str


@dataclass(frozen=True)
class Translation:
    """The policy document that came out (over the one given), and what became of each value."""

    document: dict[str, JSONValue]
    mapped: tuple[Row, ...]
    unmapped: tuple[Row, ...]


_LISTS: Mapping[str, tuple[str, ...]] = {
    "paths_allowed": ("allowed_paths", "paths/allowed", "paths/include"),
    "paths_blocked": (
        "blocked_paths",
        "forbidden_paths",
        "protected_paths",
        "sensitive_paths",
        "paths/blocked",
        "paths/protected",
        "paths/exclude",
    ),
    "branches_allowed": ("allowed_branches", "branches/allowed"),
    "branches_protected": ("protected_branches", "branches/protected"),
    "repositories": ("repositories", "allowed_repositories"),
    "environments": ("environments", "allowed_environments"),
    "hosts": ("allowed_hosts", "allowed_domains", "network/allowed", "network/allowed_hosts"),
    "models": ("allowed_models", "models/allowed"),
    "tools": ("allowed_tools", "tools/allowed"),
    "commands_allowed": ("allowed_commands", "commands/allowed"),
    "commands_blocked": ("blocked_commands", "forbidden_commands", "commands/blocked"),
}
_NUMBERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("limits", "files"): ("limits/max_files", "limits/max_files_changed", "max_files", "max_files_changed"),
    ("limits", "lines"): (
        "limits/max_lines",
        "limits/max_lines_changed",
        "limits/max_diff_lines",
        "max_lines",
        "max_lines_changed",
        "max_diff_lines",
    ),
    ("approval", "quorum"): (
        "gates/review/requirements/min_reviewers",
        "review/min_reviewers",
        "review/required_approvals",
        "min_reviewers",
        "required_approvals",
    ),
}
# Lists that only ever take away are added to what stands; the others replace it, since the file names all it allows.
_ADDED = frozenset({"paths_blocked", "branches_protected", "commands_blocked"})
_TIERS = {
    "free": "free",
    "allow": "free",
    "gated": "gated",
    "review": "gated",
    "approve": "gated",
    "forbidden": "forbidden",
    "deny": "forbidden",
    "block": "forbidden",
}
_LIST_OF = {f"/{place}": name for name, places in _LISTS.items() for place in places}
_NUMBER_OF = {f"/{place}": target for target, places in _NUMBERS.items() for place in places}


def translate(parsed: Parsed, *, over: Policy) -> Translation:
    """Return what the file makes of the policy ``over``. The document still has to be read, as any other."""
    document: Any = over.to_document()
    mapped: list[Row] = []
    unmapped: list[Row] = []
    for pointer, value in _values(parsed.value, ""):
        line = parsed.line_of(pointer)
        tried = copy.deepcopy(document)
        said = _map(tried, pointer, value)
        if not said:
            unmapped.append(Row(line, pointer, _why(pointer)))
            continue
        try:
            # Read at once, so that a value that no policy takes is told by its own line and changes nothing.
            Policy.from_document(tried)
        except PolicyError as error:
            unmapped.append(Row(line, pointer, error.errors[0]["detail"]))
        else:
            document = tried
            mapped.append(Row(line, pointer, said))
    return Translation(document, tuple(mapped), tuple(unmapped))


def _map(document: Any, pointer: str, value: Any) -> str:
    """Put one value into the document and say where; an empty text when it has no place there."""
    if pointer in _LIST_OF and _is_texts(value):
        name = _LIST_OF[pointer]
        before = document["scope"].get(name, []) if name in _ADDED else []
        document["scope"][name] = list(dict.fromkeys([*before, *value]))
        return f"{'Added to' if name in _ADDED else 'Became'} scope.{name}."
    if pointer in _NUMBER_OF and type(value) is int:
        part, name = _NUMBER_OF[pointer]
        document[part][name] = value
        return f"Became {part}.{name}."
    tier = _TIERS.get(value) if isinstance(value, str) else None
    key = pointer.removeprefix("/actions/").replace("/", ".")
    if key in CATALOGUE and pointer.startswith("/actions/") and tier:
        document["tiers"][key] = tier
        return f"Became the tier {tier} of {key}."
    return ""


def _why(pointer: str) -> str:
    if pointer.startswith("/gates/"):
        return "A gate on the quality of code. The build runs it; the portal decides what an agent may do."
    if pointer.startswith("/notifications"):
        return "Who is told is set in the portal by each person."
    if pointer in ("/version", "/name", "/description"):
        return "It says something about the file and nothing about an agent."
    return "The portal has no setting for this, or not with such a value."


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _values(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Every value that is not itself a mapping; a list is one value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _values(item, below(pointer, key))
    else:
        yield pointer, value
