"""The parts of a policy's form: each turns one member of the document into fields, and what was typed back into it.

A part never judges. What was typed goes into the document as it is, and the rules' own reading finds the faults;
a part only knows at which field a fault belongs.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from registry.rules.actions import CATALOGUE, UNKNOWN
from registry.rules.catalogue import Catalogue
from registry.rules.modes import RULES, Mode, may_loosen
from registry.rules.numbers import ApprovalRule, Limits
from registry.rules.scope import BLOCKING
from registry.rules.tiers import Tier

MOST_LINES_TEXT = 40_000
# Name, label, help, for an agent's own scope. The order is the order on the page.
SCOPE_FIELDS: tuple[tuple[str, str, str], ...] = (
    (
        "repositories",
        "Repositories",
        "One per line, in full: acme/payments, or gitlab.example.com/group/project. acme/payments#1234 also pins it.",
    ),
    (
        "branches_allowed",
        "Branches it may work on",
        "One pattern per line. * stays between slashes; feature/** is everything below feature/.",
    ),
    ("branches_protected", "Protected branches", "Never pushed to without an approval, whatever the list above says."),
    (
        "paths_allowed",
        "Paths it may touch",
        "One pattern per line, as in .gitignore. ** is the whole repository, *.md any Markdown file, src/ a directory.",
    ),
    ("paths_blocked", "Blocked paths", "These win over the list above. secrets/ blocks the directory and all in it."),
    (
        "environments",
        "Environments",
        "Where it may act. Production cannot be listed: acting on it is never in an agent's scope.",
    ),
    (
        "hosts",
        "Network hosts",
        "Hosts it may fetch from unasked; * is one label: *.example.com. Empty: each fetch follows its tier.",
    ),
    ("models", "Models", "Models that may stand behind it, by name or as provider/model. * alone is any."),
    ("tools", "Tools", "Names of tools it may call: Bash, mcp__github__*. Empty: any tool."),
    (
        "commands_allowed",
        "Commands it may run",
        "First words of a command, one per line: git push, npm run *. * is one word. Empty: any command.",
    ),
    ("commands_blocked", "Blocked commands", "These win over the list above, however options stand between the words."),
    (
        "credentials",
        "Kinds of credential",
        "What an action may sign in with, when it says so: github-app, deploy-key. What is not listed is refused.",
    ),
)
LABELS = {name: label for name, label, _ in SCOPE_FIELDS}
# In an agent's own scope these two say nothing when they are left out; every other list then allows nothing.
OPEN_WHEN_LEFT_OUT = frozenset({"tools", "commands_allowed"})
NUMBER_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("limits", "files", "Files in one change", "A larger change needs an approval."),
    ("limits", "lines", "Lines in one change", "Added and removed together. A larger change needs an approval."),
    (
        "limits",
        "lease_seconds",
        "Seconds it may go on without asking",
        "5 to 30. What holds a lease, such as a CI job, stops this long after a stop at the latest.",
    ),
    ("approval", "quorum", "People who must approve", "1 to 10 different people."),
    ("approval", "expires_minutes", "Minutes to decide", "When they have passed, the request is denied."),
    ("approval", "grant_minutes", "Minutes a grant lives", "After an approval the agent must act within this time."),
)
# Where minutes are shown in larger units beside the number.
MINUTE_FIELDS = frozenset({"expires_minutes", "grant_minutes"})
# What a list that may be empty is a list of.
EMPTY_WORDS = {
    "repositories": "repositories",
    "branches_allowed": "branches",
    "paths_allowed": "paths",
    "environments": "environments",
    "hosts": "hosts",
    "models": "models",
    "tools": "tools",
    "commands_allowed": "commands",
    "credentials": "kinds of credential",
}
MODE_WORDS = {Mode.ENFORCE: "Enforce", Mode.WARN: "Warn", Mode.OBSERVE: "Observe"}


def lines_of(text: str) -> list[str]:
    """The entries of a box with one per line: trimmed, empty lines dropped, nothing else changed."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def text_of(entries: object) -> str:
    """The opposite; what is no list is shown as it is, so that it can be corrected."""
    return "\n".join(map(str, entries)) if isinstance(entries, list | tuple) else str(entries or "")


def as_object(value: object) -> Mapping[str, Any]:
    """A member of a document that may be anything, as the object it should be."""
    return value if isinstance(value, dict) else {}


def box(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocomplete": "off"})


def lines_field(label: str, help_text: str = "", *, rows: int = 3, required: bool = False) -> forms.CharField:
    """A box with one entry per line."""
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=box(rows), max_length=MOST_LINES_TEXT
    )


class Part:
    """One or more members of a document. ``prefix`` stands before each field, ``at`` before each pointer."""

    def __init__(self, *, prefix: str = "", at: str = "") -> None:
        self.prefix, self.at = prefix, at

    def fields(self) -> dict[str, forms.Field]:
        raise NotImplementedError

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        raise NotImplementedError

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def place(self, pointer: str) -> str | None:
        """The field that a fault at this pointer belongs to, if it is one of this part."""
        raise NotImplementedError

    def below(self, pointer: str) -> list[str] | None:
        """The steps of a pointer below this part's own place, unescaped, or None when it lies elsewhere."""
        if not pointer.startswith(f"{self.at}/"):
            return None
        return [step.replace("~1", "/").replace("~0", "~") for step in pointer[len(self.at) + 1 :].split("/")]


class ScopePart(Part):
    """The lists of patterns. In a restriction, and for tools and commands, left out and empty differ."""

    def __init__(self, *, prefix: str = "", at: str = "", restriction: bool = False) -> None:
        super().__init__(prefix=prefix, at=at)
        self.restriction = restriction

    def optional(self, name: str) -> bool:
        return name in OPEN_WHEN_LEFT_OUT or (self.restriction and name not in BLOCKING)

    def fields(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {}
        for name, label, help_text in SCOPE_FIELDS:
            rows = 5 if name.startswith(("branches", "paths")) and not self.restriction else 3
            required = name == "repositories" and not self.restriction
            # A level above is about many agents, a task type about one.
            words = label.replace(" it may ", " they may ") if self.restriction and not self.prefix else label
            field = lines_field(words, self._help(name, help_text), rows=rows, required=required)
            field.error_messages["required"] = "Name at least one repository; without one the agent may do nothing."
            found[self.prefix + name] = field
            if self.optional(name):
                found[f"{self.prefix}only_{name}"] = forms.BooleanField(
                    label=f"No {EMPTY_WORDS[name]} when the list is empty", required=False
                )
        return found

    def _help(self, name: str, help_text: str) -> str:
        if not self.restriction:
            return help_text
        if name in BLOCKING:
            return "Added to what lower levels name."
        return ""

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        scope = as_object(document.get("scope"))
        found = {self.prefix + name: text_of(scope.get(name, [])) for name, _, _ in SCOPE_FIELDS}
        for name, _, _ in SCOPE_FIELDS:
            if self.optional(name):
                found[f"{self.prefix}only_{name}"] = "on" if name in scope else ""
        return found

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        scope = {}
        for name, _, _ in SCOPE_FIELDS:
            entries = lines_of(data.get(self.prefix + name, ""))
            left_out = self.optional(name) and not entries and not data.get(f"{self.prefix}only_{name}")
            if not left_out and (entries or not self.restriction or name not in BLOCKING):
                scope[name] = entries
        return {"scope": scope}

    def place(self, pointer: str) -> str | None:
        steps = self.below(pointer)
        return self.prefix + steps[1] if steps and steps[0] == "scope" and len(steps) > 1 else None


class TiersPart(Part):
    """A tier for each action of the catalogue, never looser than its floor; in a restriction it may say nothing."""

    def __init__(self, catalogue: Catalogue, *, restriction: bool = False) -> None:
        super().__init__()
        self.catalogue, self.restriction = catalogue, restriction

    def _left_open(self, key: str) -> bool:
        """Whether an agent's policy may leave the tier to the catalogue: of the organisation's own actions."""
        return not self.restriction and key not in CATALOGUE

    def fields(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {}
        for key, action in self.catalogue.items():
            floor = self.catalogue.floors[key]
            if floor is Tier.FORBIDDEN:
                continue  # nothing to choose; the page says so
            options = [(tier.value, tier.value.capitalize()) for tier in Tier if tier.rank >= floor.rank]
            if self._left_open(key):
                options.insert(0, ("", f"{action.default_tier.value.capitalize()} by default"))
            if self.restriction:
                options.insert(0, ("", "Says nothing"))
            found[f"tier.{key}"] = forms.ChoiceField(label=action.label, choices=options, required=False)
        return found

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        written = as_object(document.get("tiers"))
        found = {}
        for key, action in self.catalogue.items():
            default = "" if self.restriction or self._left_open(key) else action.default_tier.value
            found[f"tier.{key}"] = str(written.get(key, default))
        return found

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        tiers = {}
        for key, action in self.catalogue.items():
            floor = self.catalogue.floors[key]
            open_to = self.restriction or self._left_open(key)
            default = "" if open_to else (floor if floor is Tier.FORBIDDEN else action.default_tier).value
            tier = data.get(f"tier.{key}") or default
            if tier:
                tiers[key] = tier
        return {"tiers": tiers}

    def place(self, pointer: str) -> str | None:
        steps = self.below(pointer)
        return f"tier.{steps[1]}" if steps and steps[0] == "tiers" and len(steps) > 1 else None


class NumbersPart(Part):
    """Limits and the approval rule; in a restriction an empty box says nothing."""

    def __init__(self, *, prefix: str = "", at: str = "", restriction: bool = False) -> None:
        super().__init__(prefix=prefix, at=at)
        self.restriction = restriction

    def fields(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {}
        for group, name, label, help_text in NUMBER_FIELDS:
            widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 6})
            found[f"{self.prefix}{group}.{name}"] = forms.CharField(
                label=label,
                help_text=help_text,
                widget=widget,
                max_length=20,
                required=not self.restriction,
            )
        return found

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        defaults = {"limits": Limits(), "approval": ApprovalRule()}
        found = {}
        for group, name, _, _ in NUMBER_FIELDS:
            default = "" if self.restriction else getattr(defaults[group], name)
            found[f"{self.prefix}{group}.{name}"] = str(as_object(document.get(group)).get(name, default))
        return found

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A number that is none stays the text it was."""
        found: dict[str, Any] = {"limits": {}, "approval": {}}
        for group, name, _, _ in NUMBER_FIELDS:
            field = f"{self.prefix}{group}.{name}"
            typed = data.get(field, "").strip()
            if field not in data or (not typed and self.restriction):
                continue  # what was not asked is not said
            # int() would also read "1_000", "+5" and digits of other scripts.
            whole = typed.isascii() and typed.isdecimal() and len(typed) < 10
            found[group][name] = int(typed) if whole else typed
        return found

    def place(self, pointer: str) -> str | None:
        steps = self.below(pointer)
        if not steps or steps[0] not in {"limits", "approval"} or len(steps) < 2:
            return None
        return f"{self.prefix}{steps[0]}.{steps[1]}"


class ModesPart(Part):
    """Enforce, warn or observe for each rule that may be loosened. Enforce is what is not written."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        tiers = [f"tier.{key}" for key in catalogue if key != UNKNOWN]
        self.rules = [rule for rule in (*RULES, *tiers) if may_loosen(rule, catalogue.floors)]
        self.catalogue = catalogue

    def fields(self) -> dict[str, forms.Field]:
        options = [(mode.value if mode is not Mode.ENFORCE else "", MODE_WORDS[mode]) for mode in MODE_WORDS]
        return {
            f"mode.{rule}": forms.ChoiceField(label=self.label(rule), choices=options, required=False)
            for rule in self.rules
        }

    def label(self, rule: str) -> str:
        kind, _, key = rule.partition(".")
        return f"{self.catalogue[key].label}, where gated" if kind == "tier" else RULES[rule]

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        modes = as_object(document.get("modes"))
        return {
            f"mode.{rule}": "" if modes.get(rule) == Mode.ENFORCE.value else str(modes.get(rule, ""))
            for rule in self.rules
        }

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"modes": {rule: data[f"mode.{rule}"] for rule in self.rules if data.get(f"mode.{rule}")}}

    def place(self, pointer: str) -> str | None:
        steps = self.below(pointer)
        return f"mode.{steps[1]}" if steps and steps[0] == "modes" and len(steps) > 1 else None


def pairs_text(value: object) -> str:
    """An object of texts as lines ``key = value``."""
    return "\n".join(f"{key} = {item}" for key, item in as_object(value).items())


def pairs_of(text: str) -> dict[str, str]:
    """The opposite. A line without ``=`` becomes a key without a value, which the rules refuse by its name."""
    found = {}
    for line in lines_of(text):
        key, _, value = line.partition("=")
        found[key.strip()] = value.strip()
    return found


def merged(parts: Iterable[Part], data: Mapping[str, Any]) -> dict[str, Any]:
    """The document that several parts read together."""
    document: dict[str, Any] = {}
    for part in parts:
        document.update(part.read(data))
    return document
