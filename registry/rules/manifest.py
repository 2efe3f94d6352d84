"""The policy file: agents and baselines as YAML, read with the line of every fault, and written so that it reads back.

The format is ``bailiwick/v1`` (``registry.rules.manifest_schema``). Reading is total: either a ``Manifest``, or every
fault that was found, in the order of the lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from registry.rules.catalogue import Catalogue
from registry.rules.manifest_schema import FORMAT, schema
from registry.rules.policy import Policy
from registry.rules.reading import PolicyError, below
from registry.rules.restriction import Baseline, Restriction
from registry.rules.yaml_lines import Fault, Parsed, YamlError, parse, write

MOST_FAULTS = 100
_VALIDATOR = Draft202012Validator(schema())


@dataclass(frozen=True)
class AgentEntry:
    """One agent of a file: what it says about the agent, its policy, and where it stands."""

    line: int
    pointer: str
    facts: Mapping[str, Any]
    policy: Policy

    @property
    def name(self) -> str:
        """The agent's name, which is what it is found by."""
        return str(self.facts["name"])


@dataclass(frozen=True)
class Manifest:
    """A file that can be taken. ``line_of`` finds the line of a pointer for later faults."""

    agents: tuple[AgentEntry, ...]
    organisation: Baseline | None
    teams: Mapping[str, Restriction]
    parsed: Parsed


def read(text: str, *, catalogue: Catalogue) -> Manifest:
    """Return what the file says; raises ``YamlError``. ``catalogue`` is the one in force.

    The file's own baseline counts for its other parts: a file may bring an action and use it.
    """
    parsed = parse(text)
    faults = [_shape_fault(parsed, error) for error in _VALIDATOR.iter_errors(parsed.value)]
    if faults:
        raise YamlError(_ordered(faults))
    value, file = parsed.value, _File(parsed, faults)
    organisation = file.document(Baseline, "/organisation", value.get("organisation"), catalogue)
    known = organisation.catalogue if organisation is not None else catalogue
    teams = {
        slug: file.document(Restriction, below("/teams", slug), document, known)
        for slug, document in value.get("teams", {}).items()
    }
    agents = list(_agents(file, value.get("agents", []), known))
    faults += _twice(parsed, value.get("agents", []))
    if faults:
        raise YamlError(_ordered(faults))
    return Manifest(
        agents=tuple(agents),
        organisation=organisation,
        teams={slug: team for slug, team in teams.items() if team is not None},
        parsed=parsed,
    )


def render(
    *,
    agents: Sequence[Mapping[str, Any]],
    organisation: Mapping[str, Any] | None = None,
    teams: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the text of a file. What is empty is left out; the same values give the same text."""
    document: dict[str, Any] = {"format": FORMAT}
    if organisation:
        document["organisation"] = organisation
    if teams:
        document["teams"] = teams
    if agents:
        document["agents"] = [
            {key: value for key, value in agent.items() if value not in ("", [], None)} for agent in agents
        ]
    return write(document)


D = TypeVar("D", Policy, Restriction, Baseline)


@dataclass(frozen=True)
class _File:
    """A file under reading: its values, and the faults found so far."""

    parsed: Parsed
    faults: list[Fault]

    def document(self, kind: type[D], pointer: str, value: object, catalogue: Catalogue) -> D | None:
        """The document at a pointer; None when nothing is there or it is at fault."""
        if value is None:
            return None
        try:
            return kind.from_document(value, catalogue=catalogue)
        except PolicyError as error:
            for one in error.errors:
                at = f"{pointer}{one['pointer']}"
                self.faults.append(Fault(self.parsed.line_of(at), at, one["detail"]))
            return None


def _agents(file: _File, given: Sequence[Any], catalogue: Catalogue) -> Iterator[AgentEntry]:
    for place, entry in enumerate(given):
        pointer = f"/agents/{place}"
        policy = file.document(Policy, f"{pointer}/policy", entry["policy"], catalogue)
        if policy is not None:
            facts = {key: value for key, value in entry.items() if key != "policy"}
            yield AgentEntry(file.parsed.line_of(pointer), pointer, facts, policy)


def _twice(parsed: Parsed, given: Sequence[Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, entry in enumerate(given):
        name = " ".join(entry["name"].split()).lower()
        if name in seen:
            pointer = f"/agents/{place}/name"
            yield Fault(parsed.line_of(pointer), pointer, f"{entry['name']} is in this file twice.")
        seen.add(name)


def _shape_fault(parsed: Parsed, error: ValidationError) -> Fault:
    pointer = ""
    for part in error.absolute_path:
        pointer = below(pointer, part)
    if error.validator == "additionalProperties":
        shape: Any = error.schema
        instance: Any = error.instance
        known = ", ".join(shape.get("properties", {}))
        unknown = next((key for key in instance if key not in shape.get("properties", {})), "")
        pointer = below(pointer, unknown)
        return Fault(parsed.line_of(pointer), pointer, f"There is no setting {unknown} here. Known are: {known}.")
    return Fault(parsed.line_of(pointer), pointer, _sentence(error))


def _sentence(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            missing = [key for key in wanted if key not in instance]
            return f"Missing: {', '.join(missing)}."
        case "enum":
            return f"This must be one of: {', '.join(map(str, wanted))}."
        case "const":
            return f"This must be {wanted}."
        case "type":
            return f"This must be {_KINDS.get(str(wanted), wanted)}."
        case "minimum" | "maximum":
            return f"This must be at {'least' if error.validator == 'minimum' else 'most'} {wanted}."
        case "maxItems" | "maxProperties":
            return f"There are {len(instance)} entries; at most {wanted} are taken."
        case "maxLength":
            return f"This is longer than {wanted} characters."
        case "minLength":
            return "This must not be empty."
        case _:
            return "This does not have the shape that it must have."


_KINDS = {
    "object": "a mapping of names to values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _ordered(faults: Sequence[Fault]) -> list[Fault]:
    ordered = sorted(faults, key=lambda fault: (fault.line, fault.pointer))
    if len(ordered) <= MOST_FAULTS:
        return ordered
    return [*ordered[:MOST_FAULTS], Fault(ordered[MOST_FAULTS].line, "", f"{len(ordered) - MOST_FAULTS} more faults.")]
