"""The policy file: faults with their lines, the published schema, and reading back what was written."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from registry.rules.catalogue import Catalogue
from registry.rules.documents import KINDS
from registry.rules.levels import Level
from registry.rules.manifest import read, render
from registry.rules.manifest_schema import schema
from registry.rules.policy import template
from registry.rules.reading import PolicyError
from registry.rules.restriction import Baseline, Restriction
from registry.rules.yaml_lines import YamlError
from tests.organisation import policy_document

AGENT: dict[str, Any] = {
    "name": "Payments Refactorer",
    "platform": "claude_code",
    "purpose": "Refactors.\nCarefully.",
    "owner_team": "payments",
    "accountable_person": "ada@example.test",
    "policy": policy_document(),
}
HEAD = """format: bailiwick/v1
agents:
  - name: A
    platform: codex
    owner_team: payments
"""


def faults_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(YamlError) as refused:
        read(text, catalogue=Catalogue())
    return [(fault.line, fault.detail) for fault in refused.value.faults]


def test_reading_back_gives_the_same_policies() -> None:
    baseline: dict[str, Any] = {
        "tiers": {"file.delete": "forbidden", "acme.release": "gated"},
        "actions": {
            "acme.release": {
                "label": "Release the app",
                "reversibility": "hard_to_reverse",
                "tier": "gated",
                "explain": "It publishes a build to testers.",
                "tools": [],
                "commands": ["fastlane release"],
            }
        },
    }
    policy = policy_document()
    policy["tiers"]["acme.release"] = "forbidden"  # known through the file's own baseline
    text = render(
        agents=[{**AGENT, "policy": policy}], organisation=baseline, teams={"payments": {"limits": {"files": 5}}}
    )
    manifest = read(text, catalogue=Catalogue())
    assert manifest.agents[0].policy.to_document() == policy
    assert manifest.organisation is not None
    assert manifest.organisation.to_document() == Baseline.from_document(baseline).to_document()
    assert manifest.teams["payments"] == Restriction.from_document({"limits": {"files": 5}})
    assert dict(manifest.agents[0].facts)["purpose"] == "Refactors.\nCarefully."


P = HEAD + "    policy:\n"
REFUSED = {
    "another format": ("format: bailiwick/v9\n", 1, "must be bailiwick/v1"),
    "no format": ("agents: []\n", 1, "Missing: format"),
    "a list at the top": ("- 1\n", 1, "mapping of names"),
    "an unknown member": (HEAD + "    colour: red\n    policy: {}\n", 6, "no setting colour"),
    "an unknown platform": (HEAD.replace("codex", "abacus") + "    policy: {}\n", 4, "one of: claude_code"),
    "no policy": (HEAD, 3, "Missing: policy"),
    "an unknown list": (P + "      scope:\n        planets: [mars]\n", 8, "no setting planets"),
    "a tier that is none": (P + "      tiers:\n        read: maybe\n", 8, "one of: free"),
    "an unknown action": (P + "      tiers:\n        read: free\n        fly: free\n", 9, "in the catalogue"),
    "looser than the floor": (P + "      tiers:\n        secret.read: free\n", 8, "baseline is forbidden"),
    "every repository": (P + "      scope: {repositories: [\n        a/b,\n        '*/*']}\n", 9, "every owner"),
    "a number too large": (P + "      limits:\n        files: 99999999\n", 8, "at most"),
    "a quorum of text": (P + "      approval:\n        quorum: '2'\n", 8, "a whole number"),
    "no quorum": (P + "      approval:\n        quorum: 0\n", 8, "at least 1"),
    "the same agent twice": (
        HEAD + "    policy: {}\n  - {name: ' a', platform: codex, owner_team: p, policy: {}}\n",
        7,
        "twice",
    ),
}


@pytest.mark.parametrize(("text", "line", "words"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_told_with_its_line(text: str, line: int, words: str) -> None:
    found = faults_of(text)
    assert any(words in detail and at == line for at, detail in found), found


def test_a_million_patterns_are_one_short_answer() -> None:
    text = P + "      scope:\n        repositories: [" + "a/b," * 60_000 + "]\n"
    assert faults_of(text) == [(8, "There are 60000 entries; at most 200 are taken.")]


def test_more_faults_than_anyone_reads_are_counted() -> None:
    tiers = "".join(f"        nothing.of.the.kind-{number}-: free\n" for number in range(150))
    found = faults_of(P + "      tiers:\n" + tiers)
    assert len(found) == 101
    assert found[-1][1] == "50 more faults."


def test_the_schema_is_one_and_takes_what_the_readers_take() -> None:
    Draft202012Validator.check_schema(schema())
    policy = {**schema(), "$ref": "#/$defs/policy", "required": [], "properties": {}}
    policy.pop("additionalProperties")
    validator = Draft202012Validator(policy)
    assert list(validator.iter_errors(template().to_document())) == []


@pytest.mark.parametrize("level", [Level.AGENT, Level.TEAM, Level.ORGANISATION])
def test_schema_and_readers_know_the_same_members(level: Level) -> None:
    """A member in one and not in the other would be refused with the wrong reason, or let through to nothing."""
    kind = KINDS[level]
    name = {Level.AGENT: "policy", Level.TEAM: "restriction", Level.ORGANISATION: "baseline"}[level]
    shape = schema()["$defs"][name]
    known = set(shape["properties"])
    with pytest.raises(PolicyError) as refused:
        kind.from_document({"nothing": 1})
    told = refused.value.errors[0]["detail"].partition("Known are: ")[2].rstrip(".").split(", ")
    assert set(told) == known
    for part in ("scope", "limits", "approval"):
        with pytest.raises(PolicyError) as refused:
            kind.from_document({part: {"nothing": 1}})
        told = refused.value.errors[0]["detail"].partition("Known are: ")[2].rstrip(".").split(", ")
        assert set(told) == set(shape["properties"][part]["properties"])
