"""Reads a rulebook's document, collecting every fault with its JSON pointer, as policies are read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

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
    Canaries,
    Duties,
    Escalation,
    Fatigue,
    Group,
    Reasons,
    RiskRule,
    Stage,
    StepUp,
    StepUps,
    When,
    WhoRule,
)
from registry.rules.catalogue import Catalogue
from registry.rules.names import Refused, normalise_task
from registry.rules.patterns import compile_tools
from registry.rules.reading import Faults, PolicyError, below, fault, members, numbers, one_of, text
from registry.rules.texts import MOST_NAME

MEMBERS = ("groups", "rules", "risk", "step_up", "reasons", "duties", "fatigue", "canaries", "escalation")
MOST_GROUPS, MOST_MEMBERS, MOST_RULES, MOST_STAGES, MOST_NAMED = 50, 100, 100, 5, 50

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_ACTION = re.compile(r"[a-z*][a-z0-9._*-]{0,59}", re.ASCII)
_ENVIRONMENT = re.compile(r"[a-z0-9*][a-z0-9._*-]{0,79}", re.ASCII)


def read_book(document: object, catalogue: Catalogue | None) -> dict[str, Any]:
    """Return the members of a ``Book``, or raise ``PolicyError``. ``catalogue`` is None for what was taken before."""
    faults: Faults = []
    top = members(document, "", MEMBERS, faults)
    groups = _groups(top.get("groups", {}), faults)
    read = {
        "groups": groups,
        "rules": _rules(top.get("rules", []), groups, catalogue, faults),
        "risk": _risk(top.get("risk", {}), faults),
        "step_up": _step_up(top.get("step_up", {}), faults),
        "reasons": _reasons(top.get("reasons", {}), faults),
        "duties": _duties(top.get("duties", {}), faults),
        "fatigue": Fatigue(**numbers(top.get("fatigue", {}), "/fatigue", FATIGUE, faults)),
        "canaries": Canaries(**numbers(top.get("canaries", {}), "/canaries", CANARIES, faults)),
        "escalation": Escalation(**numbers(top.get("escalation", {}), "/escalation", ESCALATION, faults)),
    }
    if faults:
        raise PolicyError(faults)
    return read


def _groups(value: object, faults: Faults) -> dict[str, Group]:
    if not isinstance(value, dict):
        fault(faults, "/groups", "This must be an object: the short name of a group, and who is in it.")
        return {}
    if len(value) > MOST_GROUPS:
        fault(faults, "/groups", f"There are {len(value)} groups; at most {MOST_GROUPS} are taken.")
        return {}
    taken = {}
    for slug, item in value.items():
        pointer = below("/groups", slug)
        if not _is_slug(slug):
            fault(faults, pointer, "A group's short name is of small letters, digits and hyphens, at most 40.")
        given = members(item, pointer, ("name", "members"), faults)
        name = text(given.get("name"), f"{pointer}/name", MOST_NAME, faults)
        taken[slug] = Group(name=name, members=_ids(given.get("members", []), f"{pointer}/members", faults))
    return taken


def _rules(
    value: object, groups: Mapping[str, Group], catalogue: Catalogue | None, faults: Faults
) -> tuple[WhoRule, ...]:
    taken: dict[str, WhoRule] = {}
    for pointer, item in _items(value, "/rules", MOST_RULES, faults):
        known = ("id", "name", "on", "when", "stages", *MINUTES)
        given = members(item, pointer, known, faults)
        key = given.get("id")
        if not _is_slug(key):
            fault(faults, f"{pointer}/id", "A rule's id is of small letters, digits and hyphens, at most 40.")
        elif key in taken:
            fault(faults, f"{pointer}/id", "Another rule has this id.")
        minutes = numbers({name: given[name] for name in MINUTES if name in given}, pointer, MINUTES, faults)
        rule = WhoRule(
            id=str(key),
            name=text(given.get("name"), f"{pointer}/name", MOST_NAME, faults),
            on=_truth(given.get("on", True), f"{pointer}/on", faults),
            when=_when(given.get("when", {}), f"{pointer}/when", catalogue, faults),
            stages=_stages(given.get("stages", []), f"{pointer}/stages", groups, faults),
            **minutes,
        )
        if not given.get("stages") and not minutes:
            fault(faults, pointer, "A rule must ask for something: a stage, or fewer minutes.")
        taken[rule.id] = rule
    return tuple(taken.values())


def _when(value: object, pointer: str, catalogue: Catalogue | None, faults: Faults) -> When:
    given = members(value, pointer, ("teams", "actions", "environments", "tasks", "risk_at_least"), faults)
    for name in ("teams", "actions", "environments", "tasks"):
        if name in given and given[name] == []:
            fault(faults, f"{pointer}/{name}", "Name at least one, or leave this out to mean any.")
    risk = numbers({name: given[name] for name in given if name == "risk_at_least"}, pointer, _RISK, faults)
    return When(
        teams=frozenset(_ids(given.get("teams", []), f"{pointer}/teams", faults)),
        actions=tuple(_actions(given.get("actions", []), f"{pointer}/actions", catalogue, faults)),
        environments=tuple(_environments(given.get("environments", []), f"{pointer}/environments", faults)),
        tasks=tuple(_tasks(given.get("tasks", []), f"{pointer}/tasks", faults)),
        **risk,
    )


_RISK: Mapping[str, tuple[int, int]] = {"risk_at_least": (0, 100)}


def _actions(value: object, pointer: str, catalogue: Catalogue | None, faults: Faults) -> Iterator[str]:
    for place, item in _texts(value, pointer, _ACTION, "an action of the catalogue, as in deploy.*", faults):
        if catalogue is not None and not any(map(compile_tools([item]).matches, catalogue)):
            fault(faults, place, "No action of this name is in the catalogue.")
        yield item


def _environments(value: object, pointer: str, faults: Faults) -> Iterator[str]:
    for _, item in _texts(value, pointer, _ENVIRONMENT, "an environment in small letters, as in prod*", faults):
        yield item


def _tasks(value: object, pointer: str, faults: Faults) -> Iterator[str]:
    for place, item in _items(value, pointer, MOST_NAMED, faults):
        try:
            yield normalise_task(item)
        except Refused as refusal:
            fault(faults, place, str(refusal))


def _stages(value: object, pointer: str, groups: Mapping[str, Group], faults: Faults) -> tuple[Stage, ...]:
    taken: list[Stage] = []
    for place, item in _items(value, pointer, MOST_STAGES, faults):
        given = members(item, place, ("name", "groups", "quorum"), faults)
        name = text(given.get("name"), f"{place}/name", MOST_NAME, faults)
        keys = _group_keys(given.get("groups", []), f"{place}/groups", groups, faults)
        if "quorum" not in given:
            fault(faults, f"{place}/quorum", "Say how many people; a stage without a quorum would ask nobody.")
        quorum = numbers({"quorum": given.get("quorum", 1)}, place, _QUORUM, faults).get("quorum")
        if not keys or quorum is None:
            continue
        stage = Stage(name, keys, quorum)
        if any(other.who == stage.who for other in taken):
            fault(faults, f"{place}/groups", "Another stage of this rule names the same groups; raise its quorum.")
        taken.append(stage)
    return tuple(taken)


_QUORUM: Mapping[str, tuple[int, int]] = {"quorum": (1, MOST_QUORUM)}


def _group_keys(value: object, pointer: str, groups: Mapping[str, Group], faults: Faults) -> tuple[str, ...]:
    taken: dict[str, None] = {}
    for place, item in _items(value, pointer, MOST_GROUPS, faults):
        if item not in (TEAM, SECURITY) and not (isinstance(item, str) and item.removeprefix(GROUP) in groups):
            fault(faults, place, "This must be team, security, or group: and the short name of a group of this book.")
        elif isinstance(item, str):
            key = item if item in (TEAM, SECURITY) or item.startswith(GROUP) else ""
            if not key:
                fault(faults, place, f"Write it as {GROUP}{item}.")
            elif key in taken:
                fault(faults, place, f"{item} is listed twice.")
            else:
                taken[key] = None
    if not taken and value == []:
        fault(faults, pointer, "Name at least one group; a stage that nobody is in would block for ever.")
    return tuple(taken)


def _risk(value: object, faults: Faults) -> RiskRule:
    given = members(value, "/risk", ("weights", "elevated", "high"), faults)
    weights = numbers(given.get("weights", {}), "/risk/weights", dict.fromkeys(WEIGHTS, WEIGHT), faults)
    bands = numbers({name: given[name] for name in THRESHOLDS if name in given}, "/risk", THRESHOLDS, faults)
    rule = RiskRule(weights=weights, **bands)
    if rule.elevated >= rule.high:
        fault(faults, "/risk/high", f"High must begin above elevated, which is {rule.elevated}.")
    return rule


def _step_up(value: object, faults: Faults) -> StepUps:
    taken = {}
    for name, item in members(value, "/step_up", ("irreversible", "elevated", "high"), faults).items():
        proof = one_of(StepUp, item)
        if proof is None:
            fault(faults, f"/step_up/{name}", f"This must be one of {', '.join(StepUp)}.")
        else:
            taken[name] = proof
    asked = StepUps(**taken)
    if asked.high.rank < asked.elevated.rank:
        fault(faults, "/step_up/high", "High risk cannot ask for a weaker proof than elevated risk.")
    return asked


def _reasons(value: object, faults: Faults) -> Reasons:
    asked = Reasons(**numbers(value, "/reasons", REASONS, faults))
    if not asked.low <= asked.elevated <= asked.high:
        fault(faults, "/reasons", "A higher risk cannot ask for a shorter reason.")
    return asked


def _duties(value: object, faults: Faults) -> Duties:
    given = members(value, "/duties", ("policy_editor_days", "payload_editor_may_approve"), faults)
    taken: dict[str, Any] = dict(
        numbers(
            {name: given[name] for name in given if name == "policy_editor_days"},
            "/duties",
            {"policy_editor_days": POLICY_EDITOR_DAYS},
            faults,
        )
    )
    if "payload_editor_may_approve" in given:
        pointer = "/duties/payload_editor_may_approve"
        taken["payload_editor_may_approve"] = _truth(given["payload_editor_may_approve"], pointer, faults)
    return Duties(**taken)


def _is_slug(value: object) -> bool:
    return isinstance(value, str) and _SLUG.fullmatch(value) is not None


def _truth(value: object, pointer: str, faults: Faults) -> bool:
    if type(value) is not bool:
        fault(faults, pointer, "This must be true or false.")
    return value is True


def _items(value: object, pointer: str, most: int, faults: Faults) -> Iterator[tuple[str, object]]:
    if not isinstance(value, list | tuple):
        fault(faults, pointer, "This must be a list.")
        return
    if len(value) > most:
        fault(faults, pointer, f"There are {len(value)} entries; at most {most} are taken.")
        return
    for place, item in enumerate(value):
        yield f"{pointer}/{place}", item


def _texts(value: object, pointer: str, shape: re.Pattern[str], what: str, faults: Faults) -> Iterator[tuple[str, str]]:
    taken: set[str] = set()
    for place, item in _items(value, pointer, MOST_NAMED, faults):
        if not isinstance(item, str) or not shape.fullmatch(item) or item.count("*") > 2:
            fault(faults, place, f"This must be {what}, with at most two *.")
        elif set(item) <= set("*."):
            fault(faults, place, "This would be any; leave the list out instead.")
        elif item in taken:
            fault(faults, place, f"{item} is listed twice.")
        else:
            taken.add(item)
            yield place, item


def _ids(value: object, pointer: str, faults: Faults) -> tuple[UUID, ...]:
    taken: dict[UUID, None] = {}
    for place, item in _items(value, pointer, MOST_MEMBERS, faults):
        try:
            key = UUID(item) if isinstance(item, str) else None
        except ValueError:
            key = None
        if key is None or str(key) != item:
            fault(faults, place, "This must be an id, as in 0190c2a4-….")
        elif key in taken:
            fault(faults, place, "This is listed twice.")
        else:
            taken[key] = None
    return tuple(taken)
