"""Two policies side by side, entry by entry, in words a manager reads: old, new, and whether it widens."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.compare import Change, Direction, describe
from registry.rules.documents import Document
from registry.rules.modes import RULES
from registry.rules.policy import Policy
from registry.web.policy_folds import number_said
from registry.web.policy_parts import LABELS, NUMBER_FIELDS

_NUMBERS = {f"{group}/{name}": label for group, name, label, _ in NUMBER_FIELDS}
_COMPOSITION = {"model": "Model", "prompt": "Prompt", "tools": "Tools", "mcp_servers": "MCP servers", "hooks": "Hooks"}
_NOTHING = "not listed"


@dataclass(frozen=True)
class Row:
    """One entry before and after. ``old`` and ``new`` are what to show, ``change`` says which way it moved."""

    label: str
    old: str
    new: str
    change: Change


@dataclass(frozen=True)
class Difference:
    """What changed, widenings first as they need somebody else, and how much of each."""

    rows: tuple[Row, ...]

    def _only(self, direction: Direction) -> list[Row]:
        return [row for row in self.rows if row.change.direction is direction]

    @property
    def wider(self) -> list[Row]:
        return self._only(Direction.WIDENED)

    @property
    def tighter(self) -> list[Row]:
        return self._only(Direction.TIGHTENED)

    @property
    def ordered(self) -> list[Row]:
        return [*self.wider, *self.tighter]


def difference(old: Document, new: Document, catalogue: Catalogue = BUILT_IN) -> Difference:
    """Every entry that moved between two documents of one level."""
    return of_changes(old, new, describe(old, new, catalogue=catalogue), catalogue)


def of_changes(old: Document, new: Document, changes: Iterable[Change], catalogue: Catalogue = BUILT_IN) -> Difference:
    """The same for changes that were computed already."""
    before, after = _flat(old, catalogue), _flat(new, catalogue)
    rows = [
        Row(_label(change.pointer, catalogue), _shown(before, change), _shown(after, change), change)
        for change in changes
        if change.direction is not Direction.UNCHANGED
    ]
    return Difference(tuple(rows))


def _flat(document: Document, catalogue: Catalogue) -> dict[str, Any]:
    """The document, with the tiers that an agent's policy has without writing them."""
    found: dict[str, Any] = dict(document.to_document())
    if isinstance(document, Policy):
        found["tiers"] = {key: document.tiers.get(key, kind.default_tier).value for key, kind in catalogue.items()}
        limits, approval = document.limits, document.approval
        found["limits"] = {name: getattr(limits, name) for name in ("files", "lines", "lease_seconds")}
        found["approval"] = {name: getattr(approval, name) for name in ("quorum", "expires_minutes", "grant_minutes")}
    return found


def _shown(document: Mapping[str, Any], change: Change) -> str:
    value = _at(document, _steps(change.pointer))
    if isinstance(value, list):
        if change.subject in value:
            return change.subject
        return ", ".join(map(str, value)) or "none" if _is_composition(change.pointer) else _NOTHING
    if isinstance(value, dict):
        return "stated" if value else "nothing stated"
    if value is None:
        return "enforce" if "/modes/" in change.pointer else "nothing stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    name = _steps(change.pointer)[-1]
    return number_said(name, value) if isinstance(value, int) else str(value)


def _is_composition(pointer: str) -> bool:
    return pointer.startswith("/composition")


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _at(document: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if not isinstance(document, Mapping) or step not in document:
            return None
        document = document[step]
    return document


def _label(pointer: str, catalogue: Catalogue) -> str:
    """What an entry is called on the forms."""
    steps = _steps(pointer)
    match steps:
        case ["tasks", name, *rest]:
            inner = _label("/" + "/".join(rest), catalogue) if rest else ""
            return f"Task type {name}" + (f": {inner}" if inner else "")
        case ["actions", name, *_]:
            return f"Action {name}"
        case ["scope", name, *_]:
            return LABELS.get(name, name)
        case ["tiers", key]:
            return catalogue.action_type(key).label if key in catalogue else key
        case ["modes", rule]:
            kind, _, key = rule.partition(".")
            words = catalogue[key].label if kind == "tier" and key in catalogue else RULES.get(rule, rule)
            return f"Mode: {words}"
        case ["composition", *rest]:
            words = _COMPOSITION.get(rest[-1], "") if rest else ""
            return f"Composition: {words}" if words else "Composition"
    return _NUMBERS.get("/".join(steps), " ".join(steps).replace("_", " ").capitalize())
