"""The difference between two policies, said for a manager, and which parts of it are widenings.

Works for an agent's policy and for a restriction (a team's baseline, the organisation's, a credential's). Conservative:
a change counts as tighter only when that can be shown from the documents themselves. What cannot be shown is a
widening, and a widening needs another person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from registry.rules.actions import CATALOGUE
from registry.rules.catalogue import Catalogue
from registry.rules.change import Change, Direction, direction, listed
from registry.rules.compare_scope import compare_lists
from registry.rules.composition import MEMBERS, Composition
from registry.rules.modes import RULES, Mode
from registry.rules.policy import Policy
from registry.rules.reading import below
from registry.rules.restriction import Baseline, Restriction
from registry.rules.tiers import Tier

__all__ = ["Change", "Direction", "describe", "widens"]

Document: TypeAlias = Policy | Restriction


def describe(old: Document, new: Document, *, catalogue: Catalogue | None = None) -> list[Change]:
    """Return every entry of either document with its direction, in the order of the document.

    Both are policies or both are restrictions. ``catalogue`` gives the organisation's own actions their labels.
    """
    if isinstance(old, Policy) and isinstance(new, Policy):
        return list(_policies(old, new, _labels(catalogue)))
    if isinstance(old, Restriction) and isinstance(new, Restriction):
        return list(_restrictions(old, new, _labels(catalogue, old, new)))
    raise TypeError("A policy and a restriction cannot be compared.")


def widens(old: Document, new: Document, *, catalogue: Catalogue | None = None) -> list[Change]:
    """Return the changes that are, or may be, a widening; empty means that ``new`` allows nothing new."""
    return [change for change in describe(old, new, catalogue=catalogue) if change.direction is Direction.WIDENED]


def _labels(catalogue: Catalogue | None, *documents: Restriction) -> dict[str, str]:
    own = [one for document in documents if isinstance(document, Baseline) for one in document.actions]
    kinds = [*CATALOGUE.values(), *(catalogue or {}).values(), *(one.kind for one in own)]
    return {kind.key: kind.label for kind in kinds}


def _policies(old: Policy, new: Policy, labels: Mapping[str, str]) -> Iterator[Change]:
    yield from compare_lists(old.scope.lists(), new.scope.lists(), alone=True)
    for key in CATALOGUE:
        yield _tier(key, labels[key], old.tier_of(key), new.tier_of(key))
    yield from _tiers(old.tiers, new.tiers, labels, [key for key in (*old.tiers, *new.tiers) if key not in CATALOGUE])
    for pointer, subject, sign in _NUMBERS:
        _, group, name = pointer.split("/")
        before, after = getattr(getattr(old, group), name), getattr(getattr(new, group), name)
        yield _number(pointer, subject, sign, before, after)
    yield from _modes(old.modes, new.modes, labels)
    yield from _tasks(old.tasks, new.tasks, labels)
    yield from _composition(old.composition, new.composition)


def _restrictions(old: Restriction, new: Restriction, labels: Mapping[str, str]) -> Iterator[Change]:
    yield from compare_lists(old.scope, new.scope, alone=False)
    yield from _tiers(old.tiers, new.tiers, labels, (*old.tiers, *new.tiers))
    for pointer, subject, sign in _NUMBERS:
        _, group, name = pointer.split("/")
        before, after = getattr(old, group).get(name), getattr(new, group).get(name)
        if before is not None or after is not None:
            yield _number(pointer, subject, sign, before, after)
    yield from _modes(old.modes, new.modes, labels)
    if isinstance(old, Baseline) or isinstance(new, Baseline):
        yield from _actions(_own(old), _own(new))


def _tier(key: str, label: str, before: Tier, after: Tier) -> Change:
    if before is after:
        sentence = f"{label}: stays {after.value}."
    else:
        sentence = f"{label}: {before.value} before, {after.value} now."
    return Change(direction(-before.rank, -after.rank), below("/tiers", key), key, sentence)


def _tiers(
    old: Mapping[str, Tier], new: Mapping[str, Tier], labels: Mapping[str, str], keys: Sequence[str]
) -> Iterator[Change]:
    """Tiers that need not be written. One left out is taken for the loosest: what then counts is not known here."""
    for key in dict.fromkeys(keys):
        before, after, label = old.get(key), new.get(key), labels.get(key, key)
        if before is not None and after is not None:
            yield _tier(key, label, before, after)
        elif after is not None:
            # What counted before is written elsewhere; only "free" can be looser than that.
            way = Direction.WIDENED if after is Tier.FREE else Direction.TIGHTENED
            yield Change(way, below("/tiers", key), key, f"{label}: {after.value} here now; before nothing was said.")
        elif before is not None:
            way = Direction.TIGHTENED if before is Tier.FREE else Direction.WIDENED
            sentence = f"{label}: {before.value} here before; now nothing is said."
            yield Change(way, below("/tiers", key), key, sentence)


# Pointer, subject, and -1 for the quorum: the one number here that is stricter when it is larger.
_NUMBERS = (
    ("/limits/files", "Files in one change", 1),
    ("/limits/lines", "Lines in one change", 1),
    ("/limits/lease_seconds", "Seconds between two signs of life", 1),
    ("/approval/quorum", "People who must approve", -1),
    ("/approval/expires_minutes", "Minutes to decide a request", 1),
    ("/approval/grant_minutes", "Minutes a grant lives", 1),
)


def _number(pointer: str, subject: str, sign: int, before: int | None, after: int | None) -> Change:
    if before is None:
        return Change(Direction.TIGHTENED, pointer, subject, f"{subject}: {after} here now; before nothing was said.")
    if after is None:
        return Change(Direction.WIDENED, pointer, subject, f"{subject}: {before} here before; now nothing is said.")
    sentence = f"{subject}: stays {after}." if before == after else f"{subject}: {before} before, {after} now."
    return Change(direction(before * sign, after * sign), pointer, subject, sentence)


_MODE_WORDS = {Mode.OBSERVE: "only observed", Mode.WARN: "warned about", Mode.ENFORCE: "enforced"}


def _modes(old: Mapping[str, Mode], new: Mapping[str, Mode], labels: Mapping[str, str]) -> Iterator[Change]:
    for rule in dict.fromkeys((*old, *new)):
        before, after = old.get(rule, Mode.ENFORCE), new.get(rule, Mode.ENFORCE)
        key = rule.removeprefix("tier.")
        subject = RULES.get(rule) or f"The tier of “{labels.get(key, key)}”"
        if before is after:
            sentence = f"{subject}: stays {_MODE_WORDS[after]}."
        else:
            sentence = f"{subject}: {_MODE_WORDS[before]} before, {_MODE_WORDS[after]} now."
        yield Change(direction(-before.rank, -after.rank), below("/modes", rule), rule, sentence)


def _tasks(
    old: Mapping[str, Restriction], new: Mapping[str, Restriction], labels: Mapping[str, str]
) -> Iterator[Change]:
    for name, task in new.items():
        if name in old:
            for change in _restrictions(old[name], task, labels):
                sentence = f"Task type {name}: {change.sentence}"
                yield replace(change, pointer=below("/tasks", name) + change.pointer, sentence=sentence)
            if old[name] == task:
                yield _task(Direction.UNCHANGED, name, "stays as it is.")
        elif old:
            yield _task(Direction.WIDENED, name, "comes in; work that names it was refused.")
        else:
            yield _task(Direction.TIGHTENED, name, "comes in; work that names no task type now needs an approval.")
    for name in old:
        if name not in new and new:
            yield _task(Direction.TIGHTENED, name, "is taken out; work that names it is refused.")
        elif name not in new:
            yield _task(Direction.WIDENED, name, "is taken out, and with it the last of them: any work is taken.")


def _task(way: Direction, name: str, ending: str) -> Change:
    return Change(way, below("/tasks", name), name, f"Task type {name} {ending}")


_MADE_OF = {
    "model": "the model",
    "prompt": "the prompt",
    "tools": "the tools",
    "mcp_servers": "the MCP servers",
    "hooks": "the hooks",
}


def _composition(old: Composition, new: Composition) -> Iterator[Change]:
    """Another composition is another agent, so every difference is a widening."""
    for name in MEMBERS:
        before, after = old.pinned.get(name), new.pinned.get(name)
        if before is None and after is None:
            continue
        same = before == after
        sentence = f"Made of: {_MADE_OF[name]} {'stay' if same else 'were'} {_pinned(before)}"
        sentence += "." if same else f", and are {_pinned(after)} now."
        if name in {"model", "prompt"}:
            sentence = sentence.replace(" were ", " was ").replace(" stay ", " stays ").replace(" are ", " is ")
        way = Direction.UNCHANGED if same else Direction.WIDENED
        yield Change(way, f"/composition/pinned/{name}", name, sentence)
    if old.required is not new.required:
        ending = "needs an approval now" if new.required else "is no longer asked about"
        sentence = f"Made of: an agent that does not say what it is made of {ending}."
        yield Change(Direction.WIDENED, "/composition/required", "required", sentence)


def _pinned(value: str | tuple[str, ...] | None) -> str:
    if value is None:
        return "not pinned"
    return value if isinstance(value, str) else listed(value)


def _own(document: Restriction) -> dict[str, object]:
    return {one.kind.key: one for one in document.actions} if isinstance(document, Baseline) else {}


def _actions(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Change]:
    """What a call is taken for decides everything after it, so every change of the catalogue is a widening."""
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) == new.get(key):
            way, ending = Direction.UNCHANGED, "stays as it is"
        elif key not in old:
            way, ending = Direction.WIDENED, "comes into the catalogue; what it names was not understood before"
        elif key not in new:
            way, ending = Direction.WIDENED, "leaves the catalogue; what it names is no longer understood"
        else:
            way, ending = Direction.WIDENED, "is described differently"
        yield Change(way, below("/actions", key), key, f"Action {key} {ending}.")
