"""The JSON Schema (2020-12) of a policy file, made from the same tables as the readers.

It holds the shape: which members there are, of which type and within which bounds. What a pattern may say, and
which action is in whose catalogue, is held by the readers themselves.
"""

from enum import StrEnum
from typing import Any

from registry.rules.actions import Reversibility
from registry.rules.composition import LISTS, MOST_ENTRIES, TEXTS
from registry.rules.composition import MOST_TEXT as MOST_PINNED
from registry.rules.lifecycle import Criticality, HumanPosition, Platform, Trigger
from registry.rules.modes import Mode
from registry.rules.numbers import APPROVAL, LIMITS
from registry.rules.patterns import MAX_PATTERN, MAX_PATTERNS
from registry.rules.reading import MOST_TASKS
from registry.rules.scope import READERS
from registry.rules.texts import MOST_NAME, MOST_TEXT
from registry.rules.tiers import Tier

FORMAT = "bailiwick/v1"
MOST_AGENTS = 500
MOST_TEAMS = 500
MOST_LINKS = 20
# What a file says about an agent beside its policy, its team and its people, in this order.
FACTS = (
    "name",
    "platform",
    "purpose",
    "trigger",
    "human_position",
    "criticality",
    "data_touched",
    "links",
)

Schema = dict[str, Any]


def schema() -> Schema:
    """Return the schema of a whole file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "bailiwick-policy-file-v1",
        "title": "Bailiwick policy file",
        "description": "Agents with their policies, and the baselines above them.",
        **_object({"format": {"const": FORMAT}}, "format"),
        "properties": {
            "format": {"const": FORMAT, "description": "The version of this format."},
            "organisation": {"$ref": "#/$defs/baseline"},
            "teams": {
                "type": "object",
                "description": "The baseline of each team, by the team's short name.",
                "additionalProperties": {"$ref": "#/$defs/restriction"},
                "maxProperties": MOST_TEAMS,
            },
            "agents": {"type": "array", "items": {"$ref": "#/$defs/agent"}, "maxItems": MOST_AGENTS},
        },
        "$defs": {
            "agent": _agent(),
            "policy": _policy(),
            "restriction": _object(_parts()),
            "baseline": _object({**_parts(), "actions": _map({"$ref": "#/$defs/action"})}),
            "action": _action(),
            "tier": _enum(Tier),
            "mode": _enum(Mode),
            "patterns": {
                "type": "array",
                "maxItems": MAX_PATTERNS,
                "items": {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN},
            },
        },
    }


def _agent() -> Schema:
    text = {"type": "string", "maxLength": MOST_TEXT}
    return _object(
        {
            "name": {"type": "string", "minLength": 1, "maxLength": MOST_NAME},
            "platform": _enum(Platform),
            "purpose": text,
            "trigger": _enum(Trigger),
            "human_position": _enum(HumanPosition),
            "criticality": _enum(Criticality),
            "data_touched": text,
            "links": {
                "type": "array",
                "maxItems": MOST_LINKS,
                "items": _object({"label": {"type": "string"}, "url": {"type": "string"}}, "label", "url"),
            },
            "owner_team": {"type": "string", "description": "The team's short name, as in its address."},
            "accountable_person": {"type": "string", "description": "The e-mail address of the person who answers."},
            "deputy": {"type": "string", "description": "The e-mail address of the deputy."},
            "policy": {"$ref": "#/$defs/policy"},
        },
        "name",
        "platform",
        "owner_team",
        "policy",
    )


def _policy() -> Schema:
    pinned: Schema = {name: {"type": "string", "maxLength": MOST_PINNED} for name in TEXTS}
    pinned |= {name: {"type": "array", "maxItems": MOST_ENTRIES, "items": {"type": "string"}} for name in LISTS}
    return _object(
        {
            **_parts(),
            "tasks": {**_map({"$ref": "#/$defs/restriction"}), "maxProperties": MOST_TASKS},
            "composition": _object({"required": {"type": "boolean"}, "pinned": _object(pinned)}),
        }
    )


def _parts() -> Schema:
    """The members that a policy and every restriction have."""
    return {
        "scope": _object({name: {"$ref": "#/$defs/patterns"} for name in READERS}),
        "tiers": _map({"$ref": "#/$defs/tier"}),
        "limits": _numbers(LIMITS),
        "approval": _numbers(APPROVAL),
        "modes": _map({"$ref": "#/$defs/mode"}),
    }


def _action() -> Schema:
    return _object(
        {
            "label": {"type": "string"},
            "reversibility": _enum(Reversibility),
            "tier": {"$ref": "#/$defs/tier"},
            "explain": {"type": "string"},
            "tools": {"$ref": "#/$defs/patterns"},
            "commands": {"$ref": "#/$defs/patterns"},
        },
        "label",
        "reversibility",
        "tier",
        "explain",
    )


def _numbers(bounds: Any) -> Schema:
    return _object(
        {name: {"type": "integer", "minimum": least, "maximum": most} for name, (least, most) in bounds.items()}
    )


def _enum(kind: type[StrEnum]) -> Schema:
    return {"enum": [item.value for item in kind]}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _object(properties: Schema, *required: str) -> Schema:
    built: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        built["required"] = list(required)
    return built
