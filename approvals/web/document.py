"""The sealed view as a page needs it: the same facts as in its bytes, with whatever hides in a text marked."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from approvals.rules.authorize import Rule
from approvals.rules.view import FORMAT, Kind, mark_hidden, reversibility_of
from registry.rules.actions import Reversibility, action_type

REVERSIBILITY = {
    Reversibility.READ_ONLY: "changes nothing",
    Reversibility.REVERSIBLE: "can be undone",
    Reversibility.HARD_TO_REVERSE: "hard to undo",
    Reversibility.IRREVERSIBLE: "cannot be undone",
}
SIZES = ("files", "lines")
# Names of parameters as a reader says them; any other name is shown as it is.
_WORDS = {
    "command": "Command",
    "file_path": "File",
    "old_string": "Text that is there",
    "new_string": "Text that replaces it",
    "content": "Content",
    "url": "Address",
}


@dataclass(frozen=True)
class Exact:
    """A text shown whole. ``html`` is it, escaped, with every hidden or disguised character marked."""

    label: str
    text: str
    html: SafeString
    marks: int


@dataclass(frozen=True)
class Deed:
    """One of the actions that the call amounts to."""

    type: str
    label: str
    explain: str
    reversibility: str
    irreversible: bool
    resource: SafeString
    detail: SafeString


# Whose rule it is, as a reader says it.
LEVELS = {
    "organisation": "the organisation's policy",
    "team": "the team's policy",
    "agent": "the agent's own policy",
    "task": "the task type",
    "credential": "the credential's narrower scope",
}


@dataclass(frozen=True)
class Because:
    """One rule that decides, and whose it is; empty where it is nobody's policy, or where an old view did not say."""

    id: str
    text: str
    whose: str

    @classmethod
    def of(cls, rule: Rule) -> "Because":
        return cls(rule.id, rule.text, "" if rule.level is None else LEVELS[rule.level.value])


@dataclass(frozen=True)
class Above:
    """A policy above the agent's own that the decision is bound to."""

    name: str
    number: int


@dataclass(frozen=True)
class Sealed:
    """A parsed view. ``document`` is the whole of it; the other fields are the parts that need dressing."""

    document: dict[str, Any]
    parts: list[Exact]
    difference: str
    cwd: Exact | None
    deeds: list[Deed]
    rules: list[Because]
    above: list[Above]
    size: str
    other_composition: bool
    opened_at: datetime
    expires_at: datetime
    marks: int

    @property
    def irreversible(self) -> bool:
        return any(deed.irreversible for deed in self.deeds)

    def label_of(self, action: str) -> str:
        """What the action that the request is named after is called."""
        return next((deed.label for deed in self.deeds if deed.type == action), action)


def read_view(view: bytes) -> Sealed:
    """The sealed bytes, read. A format that this version does not know is refused: it must not be shown wrongly."""
    document: dict[str, Any] = orjson.loads(view)
    if document.get("format") != FORMAT:
        raise ValueError(f"This version cannot show a view of the format {document.get('format')!r}.")
    arguments: dict[str, Any] = document["action"]["arguments"]
    inputs = arguments.get("input", {key: arguments[key] for key in arguments if key not in {"tool", "cwd"}})
    parts = [exact(_WORDS.get(name, name), _as_text(value)) for name, value in inputs.items() if value is not False]
    gated = document["gated"]["rules"]
    cwd = exact("Directory", arguments["cwd"]) if arguments.get("cwd") else None
    return Sealed(
        document=document,
        parts=parts,
        difference=_difference(inputs),
        cwd=cwd,
        deeds=[_deed(deed) for deed in document["action"]["does"]],
        rules=[Because(rule["id"], rule["text"], LEVELS.get(rule.get("level") or "", "")) for rule in gated],
        above=[Above(LEVELS[level], now["number"]) for level, now in document["binds"].get("levels", {}).items()],
        size=_size(document.get("stated", {})),
        other_composition=any(rule["id"].startswith("composition.") for rule in gated),
        opened_at=datetime.fromisoformat(document["binds"]["opened_at"]),
        expires_at=datetime.fromisoformat(document["binds"]["expires_at"]),
        marks=sum(part.marks for part in parts) + (cwd.marks if cwd else 0),
    )


def exact(label: str, text: str) -> Exact:
    """The text with marks in place of what a reader would miss or take for something else."""
    marks = 0
    pieces: list[str] = []
    for segment in mark_hidden(text):
        if segment.kind is Kind.TEXT:
            pieces.append(escape(segment.text))
            continue
        marks += 1
        label_text = segment.label.strip("[]")
        pieces.append(format_html('<mark class="hidden-mark" title="{}">{}</mark>', segment.kind.value, label_text))
    return Exact(label, text, mark_safe("".join(pieces)), marks)  # noqa: S308 (every piece is escaped above)


def _deed(deed: Mapping[str, Any]) -> Deed:
    kind = action_type(deed["type"])
    reversibility = reversibility_of(deed)
    return Deed(
        type=deed["type"],
        label=deed.get("label", kind.label),
        explain=deed.get("explain", kind.explain),
        reversibility=REVERSIBILITY[reversibility],
        irreversible=reversibility is Reversibility.IRREVERSIBLE,
        resource=exact("", deed["resource"]).html,
        detail=exact("", deed["detail"]).html,
    )


def _size(stated: Mapping[str, Any]) -> str:
    """How large the change is, in words; empty when nothing said so."""
    counts = [f"{stated[name]:,} {name if stated[name] != 1 else name[:-1]}" for name in SIZES if stated.get(name)]
    return " and ".join(counts)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def _difference(inputs: Mapping[str, Any]) -> str:
    """A replacement as a unified diff with all of its lines, beside the two texts themselves; else empty."""
    old, new = inputs.get("old_string"), inputs.get("new_string")
    if not isinstance(old, str) or not isinstance(new, str):
        return ""
    before, after = old.splitlines(), new.splitlines()
    return "\n".join(difflib.unified_diff(before, after, n=max(len(before), len(after)), lineterm=""))
