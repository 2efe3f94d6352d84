"""The forms of a policy: the steps of a registration, and whole documents of an agent, a team and the organisation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django import forms

from registry.rules.actions import ActionType
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.documents import read_document
from registry.rules.levels import Level
from registry.rules.policy import Policy, PolicyError
from registry.rules.tiers import Tier
from registry.web.policy_folds import Block, Fold, Folds, number_said
from registry.web.policy_lists import ActionsPart, CompositionPart, RepeatedPart, TasksPart
from registry.web.policy_parts import (
    LABELS,
    NUMBER_FIELDS,
    SCOPE_FIELDS,
    ModesPart,
    NumbersPart,
    Part,
    ScopePart,
    TiersPart,
    lines_of,
    merged,
)

__all__ = [
    "LABELS",
    "LevelForm",
    "PolicyForm",
    "ScopeForm",
    "TierRow",
    "TiersForm",
    "faults_of",
    "lines_of",
    "restriction_rows",
    "tier_groups",
]


class DocumentForm(forms.Form):
    """A form over a policy document. ``document()`` is what was typed, right or wrong; errors name their place."""

    level = Level.AGENT

    def __init__(
        self, *args: Any, catalogue: Catalogue = BUILT_IN, rest: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.catalogue = catalogue
        self.rest = rest or {}  # members of the document that this form does not hold
        self.parts = self.make_parts()
        for part in self.parts:
            self.fields.update(part.fields())

    def make_parts(self) -> list[Part]:
        raise NotImplementedError

    @classmethod
    def over(
        cls,
        document: Mapping[str, Any],
        catalogue: Catalogue = BUILT_IN,
        *,
        typed: bool = False,
        rest: Mapping[str, Any] | None = None,
    ) -> Self:
        """A form that shows the document; ``typed`` as if somebody had typed it, with its errors."""
        form = cls(initial=document, catalogue=catalogue)
        initial = {name: text for part in form.parts for name, text in part.initial(document).items()}
        if typed:
            return cls(initial, catalogue=catalogue, rest=rest)
        form.initial, form.rest = initial, rest or {}
        return form

    def document(self) -> dict[str, Any]:
        return {**self.rest, **merged(self.parts, self.data)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        document = self.document()
        for part in self.parts:
            for name in part.twice() if isinstance(part, RepeatedPart) else []:
                self.add_error(name, "Another one has this name already.")
        for fault in faults_of(document, self.level, self.catalogue):
            self._place(fault, document)
        return cleaned

    def _place(self, fault: Mapping[str, str], document: Mapping[str, Any]) -> None:
        """Put a fault at its field; one that has none stands above the form with its pointer."""
        pointer, detail = fault["pointer"], fault["detail"]
        field = next((found for part in self.parts if (found := part.place(pointer))), None)
        if field is None or field not in self.fields:
            self.add_error(None, f"{pointer or '/'}: {detail}")
            return
        line = _entry_at(document, pointer)
        detail = f"{line[:80]}: {detail}" if line else detail
        # A number that is no number at all has its error from the field already.
        if field not in self.errors or line:
            self.add_error(field, detail)

    @property
    def folds(self) -> Folds:
        """The form in sections, for its page."""
        return Folds(self, restriction=self.level is not Level.AGENT)

    @property
    def task_fold(self) -> Fold:
        return self.folds.tasks(self.blocks)

    def bound(self, prefix: str) -> list[forms.BoundField]:
        """The fields whose name begins with ``prefix``, for a section of a page."""
        return [self[name] for name in self.fields if name.startswith(prefix)]

    @property
    def part_is_all(self) -> bool:
        """Whether the form has one part only, so that there is no reason to fold it."""
        return len(self.parts) == 1

    @property
    def tier_rows(self) -> list["TierGroup"]:
        """The actions that the document says something about, then all the others."""
        rows = [_row(action, Policy(), self, self.catalogue) for action in self.catalogue.values()]
        said = [row for row in rows if row.said]
        return [TierGroup(None, said), TierGroup(None, [row for row in rows if not row.said])]

    @property
    def blocks(self) -> list["Block"]:
        """The blocks of task types or own actions, with an empty one at the end to add another."""
        repeated = next((part for part in self.parts if isinstance(part, RepeatedPart)), None)
        found = []
        for prefix in repeated.blocks() if repeated is not None else []:
            fields = self.bound(prefix)
            name = str(fields[0].value() or "")
            # The last field removes the block, which an empty one does not need.
            shown = fields if name else fields[:-1]
            nameless = not name and any(field.value() for field in fields if field.widget_type != "select")
            found.append(Block(name, shown, nameless or any(field.errors for field in fields)))
        return found


class ScopeForm(DocumentForm):
    """The lists of an agent's scope: one step of its registration."""

    def make_parts(self) -> list[Part]:
        return [ScopePart()]

    @staticmethod
    def initial_of(document: Mapping[str, Any]) -> dict[str, str]:
        return ScopePart().initial(document)

    def document(self) -> dict[str, list[str]]:
        scope: dict[str, list[str]] = super().document()["scope"]
        return scope

    def clean(self) -> dict[str, Any]:
        cleaned = super(DocumentForm, self).clean() or {}
        document = {"scope": self.document()}
        for fault in faults_of(document):
            self._place(fault, document)
        return cleaned


class TiersForm(DocumentForm):
    """All but the scope of an agent's policy: one step of its registration."""

    def make_parts(self) -> list[Part]:
        count = TasksPart.count_typed(self.data if self.is_bound else self.initial)
        return _all_but_scope(self.catalogue, count)

    @staticmethod
    def initial_of(document: Mapping[str, Any], catalogue: Catalogue = BUILT_IN) -> dict[str, str]:
        parts = _all_but_scope(catalogue, TasksPart.count_in(document))
        return {name: text for part in parts for name, text in part.initial(document).items()}

    def document(self) -> dict[str, Any]:
        """What a form without these fields did not show, it does not take away."""
        found = super().document()
        if "composition.model" not in self.data:
            return {name: value for name, value in found.items() if name in {"tiers", "limits", "approval"}}
        return {"modes": {}, "tasks": {}, "composition": {}, **found}


def _all_but_scope(catalogue: Catalogue, tasks: int) -> list[Part]:
    return [TiersPart(catalogue), NumbersPart(), ModesPart(catalogue), TasksPart(tasks), CompositionPart()]


class PolicyForm(DocumentForm):
    """An agent's whole policy."""

    def make_parts(self) -> list[Part]:
        count = TasksPart.count_typed(self.data) if self.is_bound else TasksPart.count_in(self.initial)
        return [ScopePart(), *_all_but_scope(self.catalogue, count)]


class LevelForm(DocumentForm):
    """A team's restriction of its agents."""

    level = Level.TEAM

    def make_parts(self) -> list[Part]:
        return [
            ScopePart(restriction=True),
            TiersPart(self.catalogue, restriction=True),
            NumbersPart(restriction=True),
            ModesPart(self.catalogue),
        ]

    def document(self) -> dict[str, Any]:
        return {name: value for name, value in super().document().items() if value}


class OrganisationForm(LevelForm):
    """The organisation's restriction of every agent. Its own action types have a page of their own."""

    level = Level.ORGANISATION


class ActionsForm(DocumentForm):
    """The organisation's own action types."""

    level = Level.ORGANISATION

    def make_parts(self) -> list[Part]:
        count = ActionsPart.count_typed(self.data) if self.is_bound else ActionsPart.count_in(self.initial)
        return [ActionsPart(count)]


def faults_of(
    document: Mapping[str, Any], level: Level = Level.AGENT, catalogue: Catalogue = BUILT_IN
) -> list[dict[str, str]]:
    """What the policy's own reading finds wrong in a document or a part of one."""
    try:
        read_document(level, dict(document), catalogue)
    except PolicyError as error:
        return error.errors
    return []


def _entry_at(document: Any, pointer: str) -> str:
    """The line of a list that a pointer names, to say which one is wrong; empty for anything else."""
    parent: Any = None
    for step in (raw.replace("~1", "/").replace("~0", "~") for raw in pointer.split("/")[1:]):
        parent = document
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return ""
    return str(document) if isinstance(parent, list) else ""


@dataclass(frozen=True)
class TierRow:
    """One line of the table of actions; ``field`` is None where the floor leaves no choice."""

    action: ActionType
    tier: Tier
    field: forms.BoundField | None = None
    fixed: bool = False
    mode: forms.BoundField | None = None

    @property
    def fields(self) -> list[forms.BoundField]:
        return [one for one in (self.field, self.mode) if one is not None]

    @property
    def said(self) -> bool:
        """Whether anything is chosen, in a form that need not choose; what is wrong counts too."""
        return any(one.value() or one.errors for one in self.fields)

    @property
    def needs_a_look(self) -> bool:
        return any(one.errors for one in self.fields) or bool(self.mode is not None and self.mode.value())


@dataclass(frozen=True)
class TierGroup:
    """Actions of one tier; without a tier those of a restriction's form."""

    tier: Tier | None
    rows: list[TierRow]

    @property
    def open(self) -> bool:
        return any(row.needs_a_look for row in self.rows)

    @property
    def names(self) -> str:
        return ", ".join(row.action.label for row in self.rows)


def tier_groups(policy: Policy, form: DocumentForm | None = None, catalogue: Catalogue = BUILT_IN) -> list[TierGroup]:
    """The catalogue by the tier that counts, free first, with the form's selects when there is a form."""
    catalogue = form.catalogue if form is not None else catalogue
    rows = [_row(action, policy, form, catalogue) for action in catalogue.values()]
    return [TierGroup(tier, [row for row in rows if row.tier is tier]) for tier in Tier]


def _row(action: ActionType, policy: Policy, form: DocumentForm | None, catalogue: Catalogue) -> TierRow:
    floor = catalogue.floors[action.key]
    tier = max(policy.tiers.get(action.key, action.default_tier), floor, key=lambda one: one.rank)
    return TierRow(
        action,
        tier,
        field=_field(form, f"tier.{action.key}"),
        fixed=floor is Tier.FORBIDDEN,
        mode=_field(form, f"mode.tier.{action.key}"),
    )


def _field(form: DocumentForm | None, name: str) -> forms.BoundField | None:
    return form[name] if form is not None and name in form.fields else None


def restriction_rows(document: Mapping[str, Any], catalogue: Catalogue) -> list[tuple[str, list[str]]]:
    """What a restriction says, by the names of its form, for reading; what it does not say is left out."""
    rows: list[tuple[str, list[str]]] = []
    for name, label, _ in SCOPE_FIELDS:
        if name in document.get("scope", {}):
            rows.append((label, list(map(str, document["scope"][name])) or ["none at all"]))
    for tier in Tier:
        keys = [key for key, value in document.get("tiers", {}).items() if value == tier.value]
        if keys:
            labels = [catalogue[key].label if key in catalogue else key for key in keys]
            rows.append((f"At least {tier.value}", labels))
    for group, name, label, _ in NUMBER_FIELDS:
        if name in document.get(group, {}):
            rows.append((label, [number_said(name, document[group][name])]))
    modes = document.get("modes", {})
    known = ModesPart(catalogue)
    if modes:
        words = {rule: known.label(rule) if rule in known.rules else rule for rule in modes}
        rows.append(("Modes", [f"{words[rule]}: {mode}" for rule, mode in modes.items()]))
    return rows
