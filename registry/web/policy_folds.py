"""The long form of a policy in sections: what matters first in the open, the rest folded under a line that says it.

A fold is open when something in it needs attention or when it says something beyond the ordinary, so that nothing
that was typed is hidden and no error stands where nobody looks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django import forms

from portal.web.clock import span
from registry.web.policy_parts import EMPTY_WORDS, MINUTE_FIELDS, SCOPE_FIELDS, lines_of

FIRST = ("repositories", "branches_allowed", "branches_protected", "paths_allowed", "paths_blocked", "environments")
MORE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Network and models", ("hosts", "models")),
    ("Tools and commands", ("tools", "commands_allowed", "commands_blocked")),
    ("Kinds of credential", ("credentials",)),
)
MOST_NAMED = 3
HOUR = 60  # minutes


@dataclass(frozen=True)
class Fold:
    """A section that can be closed. ``said`` is its content in a few words, ``open`` whether it starts open."""

    title: str
    said: str
    open: bool
    fields: list[forms.BoundField] = field(default_factory=list)


@dataclass(frozen=True)
class Number:
    """A number's field with its value in words where those are easier: 10080 minutes are 7 days."""

    field: forms.BoundField
    said: str

    @property
    def is_minutes(self) -> bool:
        return self.field.name.rpartition(".")[2] in MINUTE_FIELDS


@dataclass(frozen=True)
class Block:
    """One task type or own action on a form; ``open`` when something in it needs attention."""

    name: str
    fields: list[forms.BoundField]
    open: bool

    @property
    def plain(self) -> list[forms.BoundField]:
        return [one for one in self.fields if one.widget_type not in {"textarea", "checkbox"} and not _is_number(one)]

    @property
    def lists(self) -> list[forms.BoundField]:
        return [one for one in self.fields if one.widget_type == "textarea"]

    @property
    def ticks(self) -> Fold | None:
        """The ticks of lists that allow nothing when they are empty; an own action has none."""
        return empty_fold([one for one in self.fields if ".only_" in one.name])

    @property
    def numbers(self) -> list[Number]:
        return numbers_of(one for one in self.fields if _is_number(one))

    @property
    def remove(self) -> forms.BoundField | None:
        return next((one for one in self.fields if one.name.endswith(".remove")), None)


class Folds:
    """The sections of one form; a section that the form does not have is empty."""

    def __init__(self, form: forms.Form, *, restriction: bool) -> None:
        self.form, self.restriction = form, restriction

    @property
    def first(self) -> list[forms.BoundField]:
        """The lists that nearly every policy has something in."""
        return [self.form[name] for name in FIRST]

    @property
    def more(self) -> list[Fold]:
        """The other lists, with what they say."""
        found = []
        for title, names in MORE:
            said = "; ".join(
                f"{self.form[name].label}: {self._said(name)}" if len(names) > 1 else self._said(name) for name in names
            )
            fields = [self.form[name] for name in names]
            ticked = [] if self.restriction else [f"only_{name}" for name in names]
            order = [each for pair in zip(names, ticked or names, strict=True) for each in dict.fromkeys(pair)]
            shown = [self.form[name] for name in order if name in self.form.fields]
            found.append(Fold(title, said, _wrong(shown) or any(_text(one) for one in fields), shown))
        return found

    def _said(self, name: str) -> str:
        entries = lines_of(_text(self.form[name]))
        if not entries:
            ticked = f"only_{name}" in self.form.fields and self.form[f"only_{name}"].value()
            left_out = f"only_{name}" in self.form.fields and not ticked
            return ("nothing said" if self.restriction else "any") if left_out else "none"
        rest = len(entries) - MOST_NAMED
        return f"{', '.join(entries[:MOST_NAMED])}{f' and {rest} more' if rest > 0 else ''}"

    @property
    def empty_means(self) -> Fold | None:
        """Of a restriction: which lists allow nothing when they are empty, instead of saying nothing."""
        return empty_fold([self.form[f"only_{name}"] for name, _, _ in SCOPE_FIELDS if f"only_{name}" in self._names])

    @property
    def _names(self) -> set[str]:
        return set(self.form.fields) if self.restriction else set()

    @property
    def numbers(self) -> list[Number]:
        return numbers_of(self.form[name] for name in self.form.fields if name.startswith(("limits.", "approval.")))

    @property
    def limits(self) -> Fold:
        fields = [one.field for one in self.numbers]
        said = "; ".join(
            f"{one.field.label.lower()}: {_text(one.field)}{f' ({one.said})' if one.said else ''}"
            for one in self.numbers
            if _text(one.field).strip()
        )
        return Fold("Limits and approval", said or "nothing said", _wrong(fields), fields)

    @property
    def modes(self) -> Fold:
        fields = [self.form[name] for name in self.form.fields if name.startswith("mode.") and "mode.tier." not in name]
        loose = [one for one in fields if one.value()]
        said = "every rule is enforced" if not loose else f"{', '.join(f'{one.label}: {one.value()}' for one in loose)}"
        return Fold("Modes of the scope's rules", said, bool(loose) or _wrong(fields), fields)

    @property
    def composition(self) -> Fold:
        fields = [self.form[name] for name in self.form.fields if name.startswith("composition.")]
        pinned = [one for one in fields if one.widget_type != "checkbox" and _text(one).strip()]
        ticked = any(one.value() for one in fields if one.widget_type == "checkbox")
        said = f"pinned: {', '.join(one.label.lower() for one in pinned)}" if pinned else "nothing pinned"
        if ticked and not pinned:
            said = "pinned to none"
        return Fold("Composition", said, bool(pinned) or ticked or _wrong(fields), fields)

    def tasks(self, blocks: list[Block]) -> Fold:
        names = [block.name for block in blocks if block.name]
        return Fold("Task types", ", ".join(names) or "none", bool(names) or any(block.open for block in blocks))


def numbers_of(fields: Iterable[forms.BoundField]) -> list[Number]:
    return [Number(one, _minutes_said(one)) for one in fields]


def empty_fold(ticks: list[forms.BoundField]) -> Fold | None:
    """The ticks of several lists in one place, with the lists that are ticked."""
    if not ticks:
        return None
    names = [EMPTY_WORDS[one.name.rpartition("only_")[2]] for one in ticks if one.value()]
    said = f"none at all of {', '.join(names)}" if names else "nothing is said about what it lists"
    return Fold("When a list is left empty", said, _wrong(ticks), ticks)


def number_said(name: str, value: int) -> str:
    """A number for reading: minutes from an hour on are also said in larger units."""
    return f"{value} ({span(value * 60)})" if name in MINUTE_FIELDS and value >= HOUR else str(value)


def _minutes_said(one: forms.BoundField) -> str:
    text = _text(one).strip()
    if one.name.rpartition(".")[2] not in MINUTE_FIELDS or not (text.isascii() and text.isdecimal()) or len(text) > 9:
        return ""
    return span(int(text) * 60) if int(text) >= HOUR else ""


def _is_number(one: forms.BoundField) -> bool:
    return ".limits." in one.name or ".approval." in one.name


def _wrong(fields: Iterable[forms.BoundField]) -> bool:
    return any(one.errors for one in fields)


def _text(one: forms.BoundField) -> str:
    return str(one.value() or "")
