"""The sealed view as a page needs it: the same facts as in its bytes, with whatever hides in a text marked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from django.utils.safestring import SafeString, mark_safe

from approvals.rules.authorize import Rule
from approvals.rules.edited import unified
from approvals.rules.view import FORMATS, reversibility_of
from approvals.web.patch import PatchShown, dressed_text, shown_patch, watched
from portal.web.colours import lexer_for, stretches
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
# What a known tool does where nothing is said, so that saying it says nothing. Of any other tool every value is shown:
# nobody here knows whether it takes a missing value for yes or for no.
_DEFAULTS = {"Bash": {"run_in_background": False}, "Edit": {"replace_all": False}}
# Parameters that only say something about the call: whatever stands there, the tool does the same.
_WITHOUT_EFFECT = {"Bash": frozenset({"description"})}
_SAID = {"description": "Description", "plan": "Plan", "summary": "Summary"}


@dataclass(frozen=True)
class Exact:
    """A text shown whole. ``html`` is it, escaped, with every hidden or disguised character marked."""

    label: str
    text: str
    html: SafeString
    marks: int

    @property
    def watched(self) -> SafeString:
        """``html`` with a mark of its own every so many lines, so that the page knows what of it was on the screen."""
        return watched(self.html)


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
    said: bool


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
class Change:
    """A difference that is part of what is asked. ``patch`` is None where it cannot be read as one: then ``whole``."""

    label: str
    patch: PatchShown | None
    whole: Exact | None = None


@dataclass(frozen=True)
class Sealed:
    """A parsed view. ``document`` is the whole of it; the other fields are the parts that need dressing.

    ``parts`` are the parameters. ``twice`` are those whose every line stands in a difference as well. ``words`` are
    what the agent says about it, which changes nothing of what would be done.
    """

    document: dict[str, Any]
    parts: list[Exact]
    twice: list[Exact]
    changes: list[Change]
    words: list[Exact]
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
    def groups(self) -> dict[str, str]:
        """The names of the rulebook's groups, as they were when it was sealed."""
        return dict((self.document.get("decides") or {}).get("groups") or {})

    @property
    def irreversible(self) -> bool:
        return any(deed.irreversible for deed in self.deeds)

    def label_of(self, action: str) -> str:
        """What the action that the request is named after is called."""
        return next((deed.label for deed in self.deeds if deed.type == action), action)


@lru_cache(maxsize=16)
def read_view(view: bytes) -> Sealed:
    """The sealed bytes, read. A format that this version does not know is refused: it must not be shown wrongly."""
    document: dict[str, Any] = orjson.loads(view)
    if document.get("format") not in FORMATS:
        raise ValueError(f"This version cannot show a view of the format {document.get('format')!r}.")
    arguments: dict[str, Any] = document["action"]["arguments"]
    inputs = arguments.get("input", {key: arguments[key] for key in arguments if key not in {"tool", "cwd"}})
    changes = _changes(inputs, document)
    twice = {"old_string", "new_string"} if _replaced(inputs) else set()
    idle = _WITHOUT_EFFECT.get(document["action"]["tool"], frozenset())
    usual = _DEFAULTS.get(document["action"]["tool"], {})
    plain = {name for name, value in usual.items() if inputs.get(name) is value}
    shown = [name for name in inputs if name not in twice | idle | plain]
    parts = [_part(name, inputs) for name in shown]
    gated = document["gated"]["rules"]
    cwd = exact("Directory", arguments["cwd"]) if arguments.get("cwd") else None
    return Sealed(
        document=document,
        parts=parts,
        twice=[_part(name, inputs) for name in inputs if name in twice],
        changes=changes,
        words=_words(document, {name: inputs[name] for name in inputs if name in idle}),
        cwd=cwd,
        deeds=[_deed(deed) for deed in document["action"]["does"]],
        rules=[Because(rule["id"], rule["text"], LEVELS.get(rule.get("level") or "", "")) for rule in gated],
        above=[Above(LEVELS[level], now["number"]) for level, now in document["binds"].get("levels", {}).items()],
        size=_size(document.get("stated", {})),
        other_composition=any(rule["id"].startswith("composition.") for rule in gated),
        opened_at=datetime.fromisoformat(document["binds"]["opened_at"]),
        expires_at=datetime.fromisoformat(document["binds"]["expires_at"]),
        marks=sum(part.marks for part in parts) + (cwd.marks if cwd else 0) + sum(map(_marks_of, changes)),
    )


def exact(label: str, text: str, name: str = "") -> Exact:
    """The text with marks in place of what a reader would miss or take for something else.

    ``name`` is that of the file it is, for its colours.
    """
    lexer = lexer_for(name) if name else None
    html, marks = dressed_text(text, stretches(text, lexer) if lexer else [])
    return Exact(label, text, mark_safe(html), marks)  # noqa: S308 (escaped piece by piece in dressed_text)


def _part(name: str, inputs: Mapping[str, Any]) -> Exact:
    named = {"command": "command.sh", "content": str(inputs.get("file_path", ""))}.get(name, "")
    return exact(_WORDS.get(name, name), _as_text(inputs[name]), named)


def _words(document: Mapping[str, Any], idle: Mapping[str, Any]) -> list[Exact]:
    """What the agent says of its call: a parameter that does nothing, and what was stated in words around it."""
    said = {name: text for name, text in (document.get("said") or {}).items() if text}
    said |= {name: value for name, value in idle.items() if value and value not in said.values()}
    return [exact(_SAID.get(name, name), _as_text(value)) for name, value in said.items()]


def _changes(inputs: Mapping[str, Any], document: Mapping[str, Any]) -> list[Change]:
    """The differences: a replaced text, and the diff that was stated with the call."""
    found = []
    if _replaced(inputs):
        path = str(inputs.get("file_path", ""))
        found.append(
            Change(f"What changes in {path}" if path else "What changes", shown_patch(_difference(inputs), path))
        )
    stated = document.get("diff")
    if stated:
        patch = shown_patch(stated)
        found.append(
            Change("The change as it was stated", patch, None if patch else exact("Not read as a diff", stated))
        )
    return found


def _marks_of(change: Change) -> int:
    return change.patch.marks if change.patch else change.whole.marks if change.whole else 0


def _replaced(inputs: Mapping[str, Any]) -> bool:
    old, new = inputs.get("old_string"), inputs.get("new_string")
    return isinstance(old, str) and isinstance(new, str) and old != new


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
        said=" " in deed["detail"] and deed["detail"].endswith("."),
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
    """A replacement as a unified diff with all of its lines. Lines end where a line feed is, and nowhere else."""
    return unified(inputs["old_string"].split("\n"), inputs["new_string"].split("\n"))
