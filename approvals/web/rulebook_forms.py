"""The forms that change the rulebook: one part each, and the whole of it as text."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms

from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import (
    CANARIES,
    ESCALATION,
    FATIGUE,
    GROUP,
    MINUTES,
    MOST_QUORUM,
    POLICY_EDITOR_DAYS,
    REASONS,
    SECURITY,
    TEAM,
    THRESHOLDS,
    WEIGHT,
    WEIGHTS,
    StepUp,
    WhoRule,
)
from approvals.rules.rulebook_reading import MOST_STAGES
from approvals.rules.rulebook_words import FACTOR, PROOF
from portal.identity.models import Person, Team
from portal.ledger.rules.canonical import CanonicalError, parse_strict
from registry.rules.texts import MOST_NAME, MOST_TEXT

LEAST_ROWS = 3


def _lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})


class ChangeForm(forms.Form):
    """A change of one part. ``changed`` gives the whole document with it; ``field_of`` where a fault is shown."""

    def __init__(self, book: Book, *args: Any, **kwargs: Any) -> None:
        self.book = book
        super().__init__(*args, **kwargs)
        self.fields["reason"] = forms.CharField(
            label="Why",
            max_length=MOST_TEXT,
            widget=forms.Textarea(attrs={"rows": 3}),
            help_text="For the person who has to agree. It goes into the record as you write it.",
        )

    def changed(self, document: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def field_of(self, pointer: str) -> str | None:
        """The field that a fault of the document belongs to; None for what stands above the form."""
        raise NotImplementedError


class GroupForm(ChangeForm):
    """One group: its name, and who is in it, first called first."""

    slug = forms.SlugField(
        label="Short name", max_length=40, help_text="Small letters, digits and hyphens. It is never changed later."
    )
    name = forms.CharField(label="Name", max_length=MOST_NAME)
    members = forms.CharField(
        label="Members",
        required=False,
        widget=_lines(6),
        help_text="One e-mail address to a line, in the order in which they are called.",
    )
    dissolve = forms.BooleanField(label="Dissolve this group", required=False)

    def __init__(self, book: Book, *args: Any, slug: str = "", **kwargs: Any) -> None:
        self.key = slug
        if slug:
            group = book.groups[slug]
            people = Person.objects.in_bulk(group.members)
            emails = [people[one].email if one in people else str(one) for one in group.members]
            kwargs.setdefault("initial", {"name": group.name, "members": "\n".join(emails)})
        super().__init__(book, *args, **kwargs)
        del self.fields["slug" if slug else "dissolve"]

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"]).lower()
        if slug in self.book.groups:
            raise forms.ValidationError("There is a group of this short name already; change that one.")
        return slug

    def clean_members(self) -> list[str]:
        typed = [line.strip().lower() for line in self.cleaned_data["members"].splitlines() if line.strip()]
        known = {person.email.lower(): str(person.pk) for person in Person.objects.filter(email__in=typed)}
        unknown = [email for email in typed if email not in known]
        if unknown:
            raise forms.ValidationError(f"Nobody has an account with {', '.join(unknown)}.")
        return [known[email] for email in typed]

    def changed(self, document: dict[str, Any]) -> dict[str, Any]:
        self.key = self.key or self.cleaned_data["slug"]
        if self.cleaned_data.get("dissolve"):
            del document["groups"][self.key]
        else:
            document["groups"][self.key] = {name: self.cleaned_data[name] for name in ("name", "members")}
        return document

    def field_of(self, pointer: str) -> str | None:
        for field in ("name", "members"):
            if pointer.startswith(f"/groups/{self.key}/{field}"):
                return field
        return "slug" if pointer == f"/groups/{self.key}" and "slug" in self.fields else None


class RuleForm(ChangeForm):
    """One rule: for what, and the stages that it adds."""

    id = forms.SlugField(
        label="Short name", max_length=40, help_text="Small letters, digits and hyphens. It is never changed later."
    )
    name = forms.CharField(label="Name", max_length=MOST_NAME)
    on = forms.BooleanField(label="The rule counts", required=False, initial=True)
    teams = forms.MultipleChoiceField(
        label="Teams", required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked means any."
    )
    actions = forms.CharField(
        label="Actions",
        required=False,
        widget=_lines(3),
        help_text="One key of the catalogue to a line, as in <code>deploy.*</code>. Empty means any.",
    )
    environments = forms.CharField(
        label="Environments",
        required=False,
        widget=_lines(2),
        help_text="One to a line, as in <code>prod*</code>. Empty means any. Where none is stated, the rule counts.",
    )
    tasks = forms.CharField(
        label="Task types",
        required=False,
        widget=_lines(2),
        help_text="One to a line. Empty means any. Where none is stated, the rule counts.",
    )
    risk_at_least = forms.IntegerField(
        label="Risk from", min_value=0, max_value=100, required=False, help_text="0 means any."
    )
    remove = forms.BooleanField(label="Remove this rule", required=False)
    _LISTS: ClassVar = ("actions", "environments", "tasks")

    def __init__(self, book: Book, *args: Any, rule: WhoRule | None = None, **kwargs: Any) -> None:
        self.rule = rule
        stages = rule.stages if rule is not None else ()
        self.rows = range(1, max(LEAST_ROWS, min(MOST_STAGES, len(stages) + 1)) + 1)
        if rule is not None:
            kwargs.setdefault("initial", self._initial(rule))
        super().__init__(book, *args, **kwargs)
        reason = self.fields.pop("reason")
        choices = [(TEAM, "Approvers of the owner team"), (SECURITY, "Security")]
        choices += [(f"{GROUP}{slug}", group.name) for slug, group in book.groups.items()]
        for row in self.rows:
            self._add_row(row, choices)
        for name, label in (("expires_minutes", "Decided within, minutes"), ("grant_minutes", "Used within, minutes")):
            least, most = MINUTES[name]
            self.fields[name] = forms.IntegerField(
                label=label, min_value=least, max_value=most, required=False, help_text="Empty: as the policy says."
            )
        self.fields["reason"] = reason
        self.fields["teams"].choices = list(Team.objects.order_by("name").values_list("pk", "name"))  # type: ignore[attr-defined]
        del self.fields["id" if rule is not None else "remove"]

    def _add_row(self, row: int, choices: list[tuple[str, str]]) -> None:
        self.fields[f"stage_{row}_name"] = forms.CharField(label="Name", max_length=MOST_NAME, required=False)
        self.fields[f"stage_{row}_groups"] = forms.MultipleChoiceField(
            label="Who", choices=choices, required=False, widget=forms.CheckboxSelectMultiple
        )
        self.fields[f"stage_{row}_quorum"] = forms.IntegerField(
            label="How many", min_value=1, max_value=MOST_QUORUM, required=False
        )

    def _initial(self, rule: WhoRule) -> dict[str, Any]:
        when = rule.when
        start: dict[str, Any] = {
            "name": rule.name,
            "on": rule.on,
            "teams": sorted(map(str, when.teams)),
            "actions": "\n".join(when.actions),
            "environments": "\n".join(when.environments),
            "tasks": "\n".join(when.tasks),
            "risk_at_least": when.risk_at_least,
            "expires_minutes": rule.expires_minutes,
            "grant_minutes": rule.grant_minutes,
        }
        for row, stage in enumerate(rule.stages, start=1):
            start |= {
                f"stage_{row}_name": stage.name,
                f"stage_{row}_groups": list(stage.groups),
                f"stage_{row}_quorum": stage.quorum,
            }
        return start

    @property
    def heading(self) -> list[forms.BoundField]:
        return [self[name] for name in ("id", "name", "on", "remove") if name in self.fields]

    @property
    def conditions(self) -> list[forms.BoundField]:
        return [self[name] for name in ("teams", *self._LISTS, "risk_at_least")]

    @property
    def stage_rows(self) -> list[tuple[int, list[forms.BoundField]]]:
        return [(row, [self[f"stage_{row}_{part}"] for part in ("name", "groups", "quorum")]) for row in self.rows]

    @property
    def minutes(self) -> list[forms.BoundField]:
        return [self[name] for name in MINUTES]

    def _used(self) -> list[int]:
        """The rows in which anything was said; a row left half empty is a fault of the document."""
        parts = ("name", "groups", "quorum")
        return [row for row in self.rows if any(self.cleaned_data.get(f"stage_{row}_{part}") for part in parts)]

    def changed(self, document: dict[str, Any]) -> dict[str, Any]:
        said = self.cleaned_data
        key = self.rule.id if self.rule is not None else said["id"].lower()
        place = next((at for at, one in enumerate(document["rules"]) if one["id"] == key), None)
        if said.get("remove") and place is not None:
            del document["rules"][place]
            return document
        when = {name: said[name].split() for name in self._LISTS if said[name].split()}
        when |= {"teams": said["teams"]} if said["teams"] else {}
        when |= {"risk_at_least": said["risk_at_least"]} if said["risk_at_least"] else {}
        written = {"id": key, "name": said["name"], "on": said["on"], "when": when, "stages": self._stages()}
        written |= {name: said[name] for name in MINUTES if said[name] is not None}
        if place is not None and self.rule is not None:
            document["rules"][place] = written
        else:
            document["rules"].append(written)
        self.place = len(document["rules"]) - 1 if place is None or self.rule is None else place
        return document

    def _stages(self) -> list[dict[str, Any]]:
        stages = []
        for row in self._used():
            name, groups, quorum = (self.cleaned_data[f"stage_{row}_{part}"] for part in ("name", "groups", "quorum"))
            stage: dict[str, Any] = {"name": name or f"Stage {row}", "groups": groups}
            stages.append(stage if quorum is None else {**stage, "quorum": quorum})
        return stages

    def field_of(self, pointer: str) -> str | None:
        found = re.fullmatch(r"/rules/(\d+)(?:/(.*))?", pointer)
        if found is None or int(found[1]) != self.place:
            return None
        parts = (found[2] or "").split("/")
        if parts[0] == "stages" and len(parts) > 2:
            return f"stage_{self._used()[int(parts[1])]}_{parts[2]}"
        field = parts[1] if parts[0] == "when" and len(parts) > 1 else parts[0]
        return field if field in self.fields else None


class NumbersForm(ChangeForm):
    """Weights, thresholds, proofs, reasons, duties, fatigue, canaries, escalation. A field is named after its place."""

    PARTS: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Risk: what each factor weighs", "risk__weights__", tuple(WEIGHTS)),
        ("Risk: where the bands begin", "risk__", tuple(THRESHOLDS)),
        ("Proof that an approval asks for", "step_up__", ("irreversible", "elevated", "high")),
        ("Reasons", "reasons__", tuple(REASONS)),
        ("Duties", "duties__", ("policy_editor_days", "payload_editor_may_approve")),
        ("Fatigue", "fatigue__", tuple(FATIGUE)),
        ("Canaries and escalation", "", ("canaries__per_hundred", "escalation__after_percent")),
    )

    def __init__(self, book: Book, *args: Any, **kwargs: Any) -> None:
        document: Mapping[str, Any] = book.to_document()
        kwargs.setdefault("initial", {name: _at(document, name) for name in self._names()})
        super().__init__(book, *args, **kwargs)
        reason = self.fields.pop("reason")
        for name in self._names():
            self.fields[name] = _field(name)
        self.fields["reason"] = reason

    @classmethod
    def _names(cls) -> list[str]:
        return [f"{prefix}{name}" for _, prefix, names in cls.PARTS for name in names]

    @property
    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[f"{prefix}{name}"] for name in names]) for title, prefix, names in self.PARTS]

    def changed(self, document: dict[str, Any]) -> dict[str, Any]:
        for name in self._names():
            *way, last = name.split("__")
            part = document
            for step in way:
                part = part[step]
            part[last] = self.cleaned_data[name]
        return document

    def field_of(self, pointer: str) -> str | None:
        name = pointer.strip("/").replace("/", "__")
        return {"reasons": "reasons__high"}.get(name, name if name in self.fields else None)


class TextForm(ChangeForm):
    """The whole rulebook as JSON."""

    document = forms.CharField(
        label="Rulebook",
        max_length=500_000,
        strip=False,
        widget=_lines(30),
        help_text="What is left out is as it is built in. People and teams are named by their ids.",
    )

    def clean_document(self) -> Any:
        try:
            return parse_strict(self.cleaned_data["document"].encode("utf-8", "surrogatepass"))
        except CanonicalError as error:
            raise forms.ValidationError(f"This is not JSON that has one meaning: {error}.") from error

    def changed(self, document: dict[str, Any]) -> dict[str, Any]:
        written: dict[str, Any] = self.cleaned_data["document"]
        return written

    def field_of(self, pointer: str) -> str | None:
        return "document"


_LABELS: Mapping[str, tuple[str, str]] = {
    "risk__elevated": ("Elevated risk from", "Points, of 100."),
    "risk__high": ("High risk from", "Points, of 100."),
    "step_up__irreversible": ("What cannot be undone", ""),
    "step_up__elevated": ("Elevated risk", ""),
    "step_up__high": ("High risk", ""),
    "reasons__low": ("Low risk", "Least characters of a reason to approve."),
    "reasons__elevated": ("Elevated risk", "Least characters of a reason to approve."),
    "reasons__high": ("High risk", "Least characters of a reason to approve."),
    "duties__policy_editor_days": (
        "Days without approving after changing a policy",
        "Who changed a policy that an agent works under does not approve its requests for so long. 0 switches it off.",
    ),
    "duties__payload_editor_may_approve": ("Who edits a request may approve what they made of it", ""),
    "fatigue__most_in_ten_minutes": ("Most requests of one agent in ten minutes", "More than that, and it must pause."),
    "fatigue__cool_down_minutes": ("Minutes of that pause", "After it the agent may ask again."),
    "fatigue__quick_seconds": ("An approval is quick under, seconds", "Quick ones are counted on the oversight page."),
    "canaries__per_hundred": ("Planted requests for each hundred", "0 plants none."),
    "escalation__after_percent": ("The next in line are told after, percent", "Of the time that a request has."),
}
_BOUNDS: Mapping[str, tuple[int, int]] = {
    **{f"risk__weights__{key}": WEIGHT for key in WEIGHTS},
    **{f"risk__{key}": bounds for key, bounds in THRESHOLDS.items()},
    **{f"reasons__{key}": bounds for key, bounds in REASONS.items()},
    **{f"fatigue__{key}": bounds for key, bounds in FATIGUE.items()},
    "duties__policy_editor_days": POLICY_EDITOR_DAYS,
    "canaries__per_hundred": CANARIES["per_hundred"],
    "escalation__after_percent": ESCALATION["after_percent"],
}


def _field(name: str) -> forms.Field:
    if name.startswith("risk__weights__"):
        return weight_field(name.removeprefix("risk__weights__"))
    label, help_text = _LABELS[name]
    if name.startswith("step_up__"):
        choices = [(proof.value, PROOF[proof][:1].upper() + PROOF[proof][1:]) for proof in StepUp]
        return forms.ChoiceField(label=label, choices=choices)
    if name == "duties__payload_editor_may_approve":
        return forms.BooleanField(label=label, required=False)
    least, most = _BOUNDS[name]
    return forms.IntegerField(label=label, help_text=help_text, min_value=least, max_value=most)


def weight_field(key: str) -> forms.IntegerField:
    """The weight of one factor."""
    least, most = WEIGHT
    return forms.IntegerField(label=FACTOR[key], min_value=least, max_value=most)


def _at(document: Any, name: str) -> Any:
    for step in name.split("__"):
        document = document[step]
    return document


def show_faults(form: ChangeForm, faults: Iterable[Mapping[str, str]]) -> None:
    """Put each fault of the document at the field it belongs to."""
    for fault in faults:
        field = "reason" if fault["pointer"] == "/reason" else form.field_of(fault["pointer"])
        place = "" if field not in (None, "document") else f"{fault['pointer'] or '/'}: "
        form.add_error(field, f"{place}{fault['detail']}")
