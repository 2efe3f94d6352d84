"""The parts of a policy's form that repeat or are written out: task types, own actions, and the composition."""

from collections.abc import Mapping
from typing import Any

from django import forms

from registry.rules.actions import Reversibility
from registry.rules.composition import LISTS, TEXTS, fingerprint
from registry.rules.policy import Policy
from registry.rules.tiers import Tier
from registry.web.policy_parts import (
    NumbersPart,
    Part,
    ScopePart,
    as_object,
    lines_field,
    lines_of,
    merged,
    pairs_of,
    pairs_text,
    text_of,
)

UNDO_WORDS = {
    Reversibility.READ_ONLY: "It changes nothing",
    Reversibility.REVERSIBLE: "It can be undone",
    Reversibility.HARD_TO_REVERSE: "It can be undone with effort",
    Reversibility.IRREVERSIBLE: "It cannot be undone",
}
COMPOSITION_WORDS = {
    "model": ("Model", "The exact name of the model."),
    "prompt": ("Prompt", "Whatever names the version of its instructions: a hash, a file and commit."),
    "tools": ("Tools", "One per line."),
    "mcp_servers": ("MCP servers", "One per line."),
    "hooks": ("Hooks", "One per line."),
}


class RepeatedPart(Part):
    """An object of named entries: as many blocks as there are entries, and one more to add another."""

    member = ""
    key_label = ""
    key_help = ""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.names: list[str] = []  # what was read, in the order of the blocks

    @classmethod
    def count_in(cls, document: Mapping[str, Any]) -> int:
        return len(as_object(document.get(cls.member))) + 1

    @classmethod
    def count_typed(cls, data: Mapping[str, Any]) -> int:
        """How many blocks a sent form had; a number somebody made up is cut short."""
        count = 0
        while f"{cls.member}.{count}.name" in data and count < 120:
            count += 1
        return max(count, 1)

    def blocks(self) -> list[str]:
        return [f"{self.member}.{place}." for place in range(self.count)]

    def fields(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {}
        for block in self.blocks():
            found[f"{block}name"] = forms.CharField(
                label=self.key_label, help_text=self.key_help, required=False, max_length=80
            )
            found.update(self.inner_fields(block))
            found[f"{block}remove"] = forms.BooleanField(label="Remove it", required=False)
        return found

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        entries = [*as_object(document.get(self.member)).items(), ("", {})]
        for block, (name, entry) in zip(self.blocks(), entries, strict=False):
            found.update({f"{block}name": str(name), f"{block}remove": ""})
            found.update(self.inner_initial(block, as_object(entry)))
        return found

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        self.names = []
        for block in self.blocks():
            name = data.get(f"{block}name", "").strip()
            entry = self.inner_read(block, data)
            removed = bool(data.get(f"{block}remove")) or (not name and self.is_blank(entry))
            self.names.append("" if removed else name)
            if not removed:
                entries[name] = entry
        return {self.member: entries} if entries else {}

    def twice(self) -> list[str]:
        """The name fields of blocks that repeat an earlier block's name."""
        return [
            f"{block}name"
            for place, (block, name) in enumerate(zip(self.blocks(), self.names, strict=False))
            if name and name in self.names[:place]
        ]

    def place(self, pointer: str) -> str | None:
        steps = self.below(pointer)
        if not steps or steps[0] != self.member or len(steps) < 2 or steps[1] not in self.names:
            return None
        block = self.blocks()[self.names.index(steps[1])]
        inner = self.inner_place(block, "/".join(["", *pointer.split("/")[3:]]))
        return inner or f"{block}name"

    def inner_fields(self, block: str) -> dict[str, forms.Field]:
        raise NotImplementedError

    def inner_initial(self, block: str, entry: Mapping[str, Any]) -> dict[str, str]:
        raise NotImplementedError

    def inner_read(self, block: str, data: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def inner_place(self, block: str, pointer: str) -> str | None:
        raise NotImplementedError

    def is_blank(self, entry: Mapping[str, Any]) -> bool:
        """Whether nothing was typed into a block, so that a block without a name can be passed over."""
        return not any(entry.values())


class TasksPart(RepeatedPart):
    """Task types, each a restriction of the agent's own policy."""

    member = "tasks"
    key_label = "Name of the task type"
    key_help = "As the agent states it with each check: bug-fix, release."

    def _parts(self, block: str) -> tuple[Part, Part]:
        return ScopePart(prefix=block, restriction=True), NumbersPart(prefix=block, restriction=True)

    def inner_fields(self, block: str) -> dict[str, forms.Field]:
        scope, numbers = self._parts(block)
        return {
            **scope.fields(),
            f"{block}tiers": lines_field("Stricter tiers", "One per line: pr.open = forbidden."),
            **numbers.fields(),
            f"{block}modes": lines_field("Modes", "One per line: scope.path.outside = observe."),
        }

    def inner_initial(self, block: str, entry: Mapping[str, Any]) -> dict[str, str]:
        scope, numbers = self._parts(block)
        return {
            **scope.initial(entry),
            f"{block}tiers": pairs_text(entry.get("tiers")),
            **numbers.initial(entry),
            f"{block}modes": pairs_text(entry.get("modes")),
        }

    def inner_read(self, block: str, data: Mapping[str, Any]) -> dict[str, Any]:
        entry = merged(self._parts(block), data)
        entry["tiers"] = pairs_of(data.get(f"{block}tiers", ""))
        entry["modes"] = pairs_of(data.get(f"{block}modes", ""))
        return {name: value for name, value in entry.items() if value}

    def inner_place(self, block: str, pointer: str) -> str | None:
        for part in self._parts(block):
            if found := part.place(pointer):
                return found
        first = pointer.split("/")[1] if "/" in pointer else ""
        return f"{block}{first}" if first in {"tiers", "modes"} else None


class ActionsPart(RepeatedPart):
    """The organisation's own action types."""

    member = "actions"
    key_label = "Key"
    key_help = "Small letters with a dot: acme.release. It is what policies and checks name."

    def inner_fields(self, block: str) -> dict[str, forms.Field]:
        undo = [(one.value, words) for one, words in UNDO_WORDS.items()]
        tiers = [(tier.value, tier.value.capitalize()) for tier in Tier]
        return {
            f"{block}label": forms.CharField(
                label="What it is called", help_text="A verb phrase: Release to customers.", required=False
            ),
            f"{block}reversibility": forms.ChoiceField(
                label="Can it be undone?",
                choices=undo,
                required=False,
                initial=Reversibility.IRREVERSIBLE.value,
                help_text="What cannot be undone is never free.",
            ),
            f"{block}tier": forms.ChoiceField(
                label="Default tier", choices=tiers, required=False, initial=Tier.GATED.value
            ),
            f"{block}explain": forms.CharField(
                label="One sentence for whoever approves it", required=False, widget=forms.Textarea(attrs={"rows": 2})
            ),
            f"{block}tools": lines_field("Tools that are it", "One per line: mcp__release__*.", rows=2),
            f"{block}commands": lines_field("Commands that are it", "First words, one per line: acmectl ship.", rows=2),
        }

    def inner_initial(self, block: str, entry: Mapping[str, Any]) -> dict[str, str]:
        return {
            f"{block}label": str(entry.get("label", "")),
            f"{block}reversibility": str(entry.get("reversibility", Reversibility.IRREVERSIBLE.value)),
            f"{block}tier": str(entry.get("tier", Tier.GATED.value)),
            f"{block}explain": str(entry.get("explain", "")),
            f"{block}tools": text_of(entry.get("tools", [])),
            f"{block}commands": text_of(entry.get("commands", [])),
        }

    def inner_read(self, block: str, data: Mapping[str, Any]) -> dict[str, Any]:
        texts = {name: data.get(f"{block}{name}", "").strip() for name in ("label", "reversibility", "tier", "explain")}
        lists = {name: lines_of(data.get(f"{block}{name}", "")) for name in ("tools", "commands")}
        return {**texts, **lists}

    def inner_place(self, block: str, pointer: str) -> str | None:
        steps = pointer.split("/")
        return f"{block}{steps[1]}" if len(steps) > 1 and steps[1] else None

    def is_blank(self, entry: Mapping[str, Any]) -> bool:
        return not any(entry[name] for name in ("label", "explain", "tools", "commands"))


class CompositionPart(Part):
    """What the agent is made of. A list can be pinned as empty, which is not the same as not pinned."""

    def fields(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {
            "composition.required": forms.BooleanField(
                label="A check that reports no fingerprint needs an approval too", required=False
            )
        }
        for name in TEXTS:
            label, help_text = COMPOSITION_WORDS[name]
            found[f"composition.{name}"] = forms.CharField(label=label, help_text=help_text, required=False)
        for name in LISTS:
            label, help_text = COMPOSITION_WORDS[name]
            found[f"composition.{name}"] = lines_field(label, help_text)
            found[f"composition.pin_{name}"] = forms.BooleanField(
                label=f"No {label if name == 'mcp_servers' else label.lower()} when the list is empty", required=False
            )
        return found

    def initial(self, document: Mapping[str, Any]) -> dict[str, str]:
        composition = as_object(document.get("composition"))
        pinned = as_object(composition.get("pinned"))
        found = {"composition.required": "on" if composition.get("required") else ""}
        found.update({f"composition.{name}": str(pinned.get(name, "")) for name in TEXTS})
        for name in LISTS:
            found[f"composition.{name}"] = text_of(pinned.get(name, []))
            found[f"composition.pin_{name}"] = "on" if name in pinned else ""
        return found

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        pinned: dict[str, Any] = {}
        for name in TEXTS:
            if typed := data.get(f"composition.{name}", "").strip():
                pinned[name] = typed
        for name in LISTS:
            entries = lines_of(data.get(f"composition.{name}", ""))
            if entries or data.get(f"composition.pin_{name}"):
                pinned[name] = entries
        composition = {"required": bool(data.get("composition.required")), "pinned": pinned}
        # Nothing pinned and nothing required is what a policy says that never heard of it.
        return {"composition": composition} if any(composition.values()) else {}

    def place(self, pointer: str) -> str | None:
        steps = self.below(pointer)
        if not steps or steps[0] != "composition":
            return None
        names = [step for step in steps[1:] if step in (*TEXTS, *LISTS, "required")]
        return f"composition.{names[0]}" if names else "composition.required"


def shown_fingerprint(policy: Policy) -> str:
    """The fingerprint that checks have to report, or an empty text where nothing is pinned."""
    return fingerprint(policy.composition.pinned) if policy.composition.pinned else ""
