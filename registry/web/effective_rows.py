"""What counts for an agent over all levels, for reading: each entry, tier and number with the level that decided it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from registry.rules.actions import ActionType
from registry.rules.composition import LISTS, TEXTS
from registry.rules.effective import Effective
from registry.rules.levels import Level
from registry.rules.modes import Mode
from registry.rules.patterns import covers, covers_path
from registry.rules.policy import Policy
from registry.rules.restriction import Restriction
from registry.rules.scope import BLOCKING
from registry.rules.tiers import Tier
from registry.web.policy_folds import number_said
from registry.web.policy_forms import restriction_rows
from registry.web.policy_lists import COMPOSITION_WORDS, UNDO_WORDS, shown_fingerprint
from registry.web.policy_parts import MODE_WORDS, NUMBER_FIELDS, SCOPE_FIELDS, ModesPart

LEVEL_WORDS = {
    Level.ORGANISATION: "the organisation",
    Level.TEAM: "the team",
    Level.AGENT: "the agent's own policy",
    Level.TASK: "the task type",
    Level.CREDENTIAL: "the credential",
}
Covers = Callable[[str, str], bool]


@dataclass(frozen=True)
class Entry:
    """One pattern that counts, and whose it is. ``cut`` names the level that takes it away, in part or whole."""

    pattern: str
    level: Level
    cut: Level | None = None

    @property
    def whose(self) -> str:
        return LEVEL_WORDS[self.level]

    @property
    def cut_by(self) -> str:
        return LEVEL_WORDS[self.cut] if self.cut is not None else ""


@dataclass(frozen=True)
class Dimension:
    """One list of the scope over all levels. ``open``: no level says anything."""

    name: str
    label: str
    entries: tuple[Entry, ...]
    open: bool

    @property
    def counting(self) -> list[Entry]:
        """The entries that no level takes away."""
        return [entry for entry in self.entries if entry.cut is None]


@dataclass(frozen=True)
class Tiered:
    """One action with the tier that counts, and the level that makes it so strict."""

    action: ActionType
    tier: Tier
    level: Level

    @property
    def whose(self) -> str:
        return LEVEL_WORDS[self.level]

    @property
    def undo(self) -> str:
        return UNDO_WORDS[self.action.reversibility]


def dimensions(policy: Policy, organisation: Restriction | None, team: Restriction | None) -> list[Dimension]:
    """Every list of the scope, folded from the organisation down."""
    own = policy.scope.lists()
    found = []
    for name, label, _ in SCOPE_FIELDS:
        rows: list[tuple[Level, Sequence[str]]] = [
            (level, restriction.scope[name])
            for level, restriction in ((Level.ORGANISATION, organisation), (Level.TEAM, team))
            if restriction is not None and name in restriction.scope
        ]
        if name in own:
            rows.append((Level.AGENT, own[name]))
        entries = _added(rows) if name in BLOCKING else _narrowed(rows, _covering(name))
        found.append(Dimension(name, label, tuple(entries), not rows))
    return found


def _added(rows: Sequence[tuple[Level, Sequence[str]]]) -> list[Entry]:
    """What blocks and protects adds up; an entry belongs to the highest level that names it."""
    found: dict[str, Entry] = {}
    for level, patterns in rows:
        for pattern in patterns:
            found.setdefault(pattern, Entry(pattern, level))
    return list(found.values())


def _narrowed(rows: Sequence[tuple[Level, Sequence[str]]], covering: Covers) -> list[Entry]:
    """What allows must be listed by every level: the narrower of two entries counts, and says whose it is."""
    current: list[Entry] | None = None
    for level, patterns in rows:
        if current is None:
            current = [Entry(pattern, level) for pattern in patterns]
            continue
        above = [entry for entry in current if entry.cut is None]
        following: dict[str, Entry] = {}
        for pattern in patterns:
            if any(covering(entry.pattern, pattern) for entry in above):
                following.setdefault(pattern, Entry(pattern, level))
                continue
            inside = [entry for entry in above if covering(pattern, entry.pattern)]
            for entry in inside or [Entry(pattern, level, cut=rows[0][0] if not above else above[0].level)]:
                following.setdefault(entry.pattern, entry)
        current = list(following.values())
    return current or []


def _covering(name: str) -> Covers:
    if name == "hosts":
        return partial(covers, separator=".")
    if name.startswith("paths"):
        return covers_path
    if name.startswith("commands"):
        return _begins
    return _model_covers if name == "models" else covers


def _model_covers(wide: str, narrow: str) -> bool:
    return wide == "*" or covers(wide, narrow)


def _begins(wide: str, narrow: str) -> bool:
    return narrow == wide or narrow.startswith(f"{wide} ")


def tiers(effective: Effective) -> list[tuple[Tier, list[Tiered]]]:
    """The catalogue by the tier that counts, free first, each action with the level that decided."""
    rows = [Tiered(action, *effective.tier_of(key)) for key, action in effective.catalogue.items()]
    return [(tier, [row for row in rows if row.tier is tier]) for tier in Tier]


def numbers(effective: Effective) -> list[tuple[str, str, str]]:
    """Label, value and the level that decided each number."""
    counted: dict[str, Any] = {"limits": effective.limits(), "approval": effective.approval()}
    rows = []
    for group, name, label, _ in NUMBER_FIELDS:
        value = getattr(counted[group], name)
        level = next(
            (layer.level for layer in effective.layers if getattr(layer, group).get(name) == value), Level.AGENT
        )
        rows.append((label, number_said(name, value), LEVEL_WORDS[level]))
    return rows


def modes(effective: Effective) -> list[tuple[str, str, str]]:
    """The rules that are not simply enforced: what the rule is, its mode, and whose document says so."""
    part = ModesPart(effective.catalogue)
    return [
        (part.label(rule) if rule in part.rules else rule, MODE_WORDS[mode], LEVEL_WORDS[layer.level])
        for layer in effective.layers
        for rule, mode in layer.modes.items()
        if mode is not Mode.ENFORCE
    ]


def policy_context(effective: Effective, organisation: Restriction | None, team: Restriction | None) -> dict[str, Any]:
    """Everything that the tables of a policy in force show."""
    policy = effective.policy
    pinned = policy.composition.pinned
    return {
        "dimensions": dimensions(policy, organisation, team),
        "tier_rows": tiers(effective),
        "number_rows": numbers(effective),
        "mode_rows": modes(effective),
        "task_rows": [
            (name, restriction_rows(task.to_document(), effective.catalogue)) for name, task in policy.tasks.items()
        ],
        "composition": policy.composition,
        "pinned_rows": [
            (COMPOSITION_WORDS[name][0], [pinned[name]] if name in TEXTS else list(pinned[name]))
            for name in (*TEXTS, *LISTS)
            if name in pinned
        ],
        "fingerprint": shown_fingerprint(policy),
    }
