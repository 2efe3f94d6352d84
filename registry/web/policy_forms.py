"""The forms of a policy: its scope as lists to type, its tiers and numbers as choices the baseline allows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from registry.rules.actions import BASELINE, CATALOGUE, ActionType
from registry.rules.policy import Policy, PolicyError, template
from registry.rules.tiers import Tier

MOST_LINES_TEXT = 40_000
# Name, label, help. The order is the order on the page.
SCOPE_FIELDS: tuple[tuple[str, str, str], ...] = (
    (
        "repositories",
        "Repositories",
        "One per line, in full: acme/payments, or gitlab.example.com/group/project.",
    ),
    ("branches_allowed", "Branches it may work on", "One pattern per line. feature/** is everything below feature/."),
    ("branches_protected", "Protected branches", "Never pushed to without an approval, whatever the list above says."),
    ("paths_allowed", "Paths it may touch", "One pattern per line, as in .gitignore. ** is the whole repository."),
    ("paths_blocked", "Blocked paths", "These win over the list above. secrets/ blocks the directory and all in it."),
    ("environments", "Environments", "Where it may act. Leave production out unless it must reach it."),
    ("hosts", "Network hosts", "Hosts that it may fetch from without being asked. Empty: each fetch follows its tier."),
    ("models", "Models", "Names of the models that may stand behind it. * is any."),
)
NUMBER_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("limits", "files", "Files in one change", "A larger change needs an approval."),
    ("limits", "lines", "Lines in one change", "Added and removed together. A larger change needs an approval."),
    ("approval", "quorum", "People who must approve", "1 to 10 different people."),
    ("approval", "expires_minutes", "Minutes to decide", "When they have passed, the request is denied."),
    ("approval", "grant_minutes", "Minutes a grant lives", "After an approval the agent must act within this time."),
)


def lines_of(text: str) -> list[str]:
    """The entries of a box with one per line: trimmed, empty lines dropped, nothing else changed."""
    return [line.strip() for line in text.splitlines() if line.strip()]


class ScopeForm(forms.Form):
    """The lists of a scope. ``document()`` is what was typed, right or wrong; errors name their line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, help_text in SCOPE_FIELDS:
            rows = 3 if name in {"repositories", "environments", "hosts", "models"} else 5
            box = forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocomplete": "off"})
            self.fields[name] = forms.CharField(
                label=label,
                help_text=help_text,
                # The other lists may be empty: they then allow, or block, nothing.
                required=name == "repositories",
                widget=box,
                max_length=MOST_LINES_TEXT,
                error_messages={"required": "Name at least one repository; without one the agent may do nothing."},
            )

    @staticmethod
    def initial_of(document: Mapping[str, Any]) -> dict[str, str]:
        scope = document.get("scope", {})
        return {name: "\n".join(map(str, scope.get(name, []))) for name, _, _ in SCOPE_FIELDS}

    def document(self) -> dict[str, list[str]]:
        return {name: lines_of(self.data.get(self.add_prefix(name), "")) for name, _, _ in SCOPE_FIELDS}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        document = self.document()
        for fault in faults_of({"scope": document}):
            _, _, name, *place = fault["pointer"].split("/")
            line = f"{document[name][int(place[0])][:80]}: " if place else ""
            self.add_error(name, f"{line}{fault['detail']}")
        return cleaned


class TiersForm(forms.Form):
    """A tier for each action of the catalogue, never looser than the baseline, and the numbers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, action in CATALOGUE.items():
            if BASELINE[key] is Tier.FORBIDDEN:
                continue  # nothing to choose; the page says so
            options = [(tier.value, tier.value.capitalize()) for tier in Tier if tier.rank >= BASELINE[key].rank]
            self.fields[f"tier.{key}"] = forms.ChoiceField(label=action.label, choices=options, required=False)
        for group, name, label, help_text in NUMBER_FIELDS:
            box = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 6})
            self.fields[f"{group}.{name}"] = forms.CharField(
                label=label, help_text=help_text, widget=box, max_length=20
            )

    @staticmethod
    def initial_of(document: Mapping[str, Any]) -> dict[str, str]:
        tight = template().to_document()
        tiers = {**{key: action.default_tier.value for key, action in CATALOGUE.items()}, **document.get("tiers", {})}
        initial = {f"tier.{key}": tier for key, tier in tiers.items()}
        for group, name, _, _ in NUMBER_FIELDS:
            default: Any = tight[group]
            initial[f"{group}.{name}"] = str(document.get(group, {}).get(name, default[name]))
        return initial

    def document(self) -> dict[str, Any]:
        """Tiers, limits and approval as typed; a number that is none stays the text it was."""
        found: dict[str, Any] = {"tiers": {}, "limits": {}, "approval": {}}
        for key in CATALOGUE:
            default = BASELINE[key] if BASELINE[key] is Tier.FORBIDDEN else CATALOGUE[key].default_tier
            found["tiers"][key] = self.data.get(f"tier.{key}") or default.value
        for group, name, _, _ in NUMBER_FIELDS:
            typed = self.data.get(f"{group}.{name}", "").strip()
            # int() would also read "1_000", "+5" and digits of other scripts.
            whole = typed.isascii() and typed.isdecimal() and len(typed) < 10
            found[group][name] = int(typed) if whole else typed
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for fault in faults_of(self.document()):
            _, group, name = fault["pointer"].split("/", 2)
            field = f"tier.{name}" if group == "tiers" else f"{group}.{name}"
            if field in self.fields and field not in self.errors:
                self.add_error(field, fault["detail"])
        return cleaned


def faults_of(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the policy's own reading finds wrong in a part of the document."""
    try:
        Policy.from_document(document)
    except PolicyError as error:
        return error.errors
    return []


@dataclass(frozen=True)
class TierRow:
    """One line of the table of actions; ``field`` is None where the baseline leaves no choice."""

    action: ActionType
    tier: Tier
    field: forms.BoundField | None = None
    fixed: bool = False


def tier_groups(policy: Policy, form: TiersForm | None = None) -> list[tuple[Tier, list[TierRow]]]:
    """The catalogue by the tier that counts, free first, with the form's selects when there is a form."""
    rows = [_row(action, policy, form) for action in CATALOGUE.values()]
    return [(tier, [row for row in rows if row.tier is tier]) for tier in Tier]


def _row(action: ActionType, policy: Policy, form: TiersForm | None) -> TierRow:
    name = f"tier.{action.key}"
    field = form[name] if form is not None and name in form.fields else None
    return TierRow(action, policy.tier_of(action.key), field, BASELINE[action.key] is Tier.FORBIDDEN)


def scope_rows(policy: Policy) -> list[tuple[str, str, Iterable[str]]]:
    """Label, help and patterns of each list, for reading."""
    return [(label, help_text, getattr(policy.scope, name)) for name, label, help_text in SCOPE_FIELDS]


def number_rows(policy: Policy) -> list[tuple[str, int]]:
    """Label and value of each number, for reading."""
    return [(label, getattr(getattr(policy, group), name)) for group, name, label, _ in NUMBER_FIELDS]
