"""Restrictions, the organisation's baseline and its own actions: what is taken, each fault, and the catalogue."""

import copy
from typing import Any

import pytest
from hypothesis import given

from registry.rules.actions import CATALOGUE, Reversibility
from registry.rules.catalogue import BUILT_IN, Catalogue, is_own_key
from registry.rules.composition import MEMBERS, Composition, fingerprint
from registry.rules.documents import digest_of
from registry.rules.effective import compile_effective, compile_narrowing
from registry.rules.levels import Level
from registry.rules.modes import RULES, Mode, may_loosen
from registry.rules.policy import Policy, PolicyError, template
from registry.rules.reading import MOST_FAULTS
from registry.rules.restriction import Baseline, Restriction
from registry.rules.tiers import Tier
from tests.policies import BASELINES, RESTRICTIONS

RELEASE: dict[str, Any] = {
    "label": "Release",
    "reversibility": "hard_to_reverse",
    "tier": "gated",
    "explain": "It puts a version before customers.",
    "tools": ["mcp__acme__release"],
    "commands": ["acme-release"],
}


def faults(kind: type[Policy | Restriction], document: object) -> dict[str, str]:
    with pytest.raises(PolicyError) as caught:
        kind.from_document(document)
    return {error["pointer"]: error["detail"] for error in caught.value.errors}


def test_nothing_written_restricts_nothing() -> None:
    assert Restriction.from_document({}) == Restriction()
    assert Restriction().to_document() == {}
    assert compile_narrowing({}) is None
    assert len(compile_effective(template(), organisation=Baseline(), team=Restriction()).layers) == 1


def test_an_empty_list_of_what_is_allowed_is_kept_and_of_what_is_blocked_is_not() -> None:
    document: dict[str, Any] = {"scope": {"tools": [], "paths_blocked": [], "commands_blocked": []}}
    assert Restriction.from_document(document).to_document() == {"scope": {"tools": []}}


@given(RESTRICTIONS)
def test_a_restriction_reads_back_exactly(restriction: Restriction) -> None:
    document = restriction.to_document()
    assert Restriction.stored(document) == restriction
    assert Restriction.stored(document).to_document() == document


@given(BASELINES)
def test_a_baseline_reads_back_exactly(baseline: Baseline) -> None:
    document = baseline.to_document()
    assert Baseline.stored(document) == baseline
    assert Baseline.stored(document).to_document() == document


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ({"tasks": {}}, "/tasks"),
        ({"composition": {}}, "/composition"),
        ({"actions": {}}, "/actions"),
        ({"scope": {"secrets": []}}, "/scope/secrets"),
        ({"scope": {"tools": ["*"]}}, "/scope/tools/0"),
        ({"scope": {"tools": None}}, "/scope/tools"),
        ({"scope": {"commands_allowed": ["*"]}}, "/scope/commands_allowed/0"),
        ({"scope": {"credentials": ["*"]}}, "/scope/credentials/0"),
        ({"scope": {"repositories": ["a/b*#1"]}}, "/scope/repositories/0"),
        ({"scope": {"repositories": ["a/b#"]}}, "/scope/repositories/0"),
        ({"scope": {"repositories": ["a/b#x"]}}, "/scope/repositories/0"),
        ({"scope": {"repositories": ["a/b#01"]}}, "/scope/repositories/0"),
        ({"scope": {"repositories": ["a/b#1", "A/b.git#1"]}}, "/scope/repositories/1"),
        ({"tiers": {"acme.release": "gated"}}, "/tiers/acme.release"),
        ({"tiers": {"secret.read": "gated"}}, "/tiers/secret.read"),
        ({"limits": {"lease_seconds": 31}}, "/limits/lease_seconds"),
        ({"limits": {"lease_seconds": 4}}, "/limits/lease_seconds"),
        ({"modes": {"scope.path.outside": "off"}}, "/modes/scope.path.outside"),
        ({"modes": {"scope.path.outside": None}}, "/modes/scope.path.outside"),
        ({"modes": {"scope.path.blocked": "observe"}}, "/modes/scope.path.blocked"),
        ({"modes": {"scope.repository.outside": "observe"}}, "/modes/scope.repository.outside"),
        ({"modes": {"scope.environment.outside": "warn"}}, "/modes/scope.environment.outside"),
        ({"modes": {"scope.branch.protected": "warn"}}, "/modes/scope.branch.protected"),
        ({"modes": {"scope.command.blocked": "warn"}}, "/modes/scope.command.blocked"),
        ({"modes": {"standing.stopped": "observe"}}, "/modes/standing.stopped"),
        ({"modes": {"tier.unknown": "observe"}}, "/modes/tier.unknown"),
        ({"modes": {"tier.secret.read": "observe"}}, "/modes/tier.secret.read"),
        ({"modes": {"tier.push.force": "observe"}}, "/modes/tier.push.force"),
        ({"modes": {"tier.rocket": "observe"}}, "/modes/tier.rocket"),
        ({"modes": {"composition.other": "observe"}}, "/modes/composition.other"),
        ({"modes": {"task.unknown": "observe"}}, "/modes/task.unknown"),
        ({"modes": {1: "observe"}}, "/modes/1"),
        ({"modes": []}, "/modes"),
        ({"approval": {"quorum": 0}}, "/approval/quorum"),
    ],
)
def test_each_fault_of_a_restriction_points_at_its_place(document: object, pointer: str) -> None:
    assert list(faults(Restriction, document)) == [pointer]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"tasks": []}, "/tasks"),
        ({"tasks": {"Fix": {}}}, "/tasks/Fix"),
        ({"tasks": {"a b": {}}}, "/tasks/a b"),
        ({"tasks": {"fix": []}}, "/tasks/fix"),
        ({"tasks": {"fix": {"tasks": {}}}}, "/tasks/fix/tasks"),
        ({"tasks": {"fix": {"scope": {"tools": [1]}}}}, "/tasks/fix/scope/tools/0"),
        ({"tasks": {f"t{place}": {} for place in range(21)}}, "/tasks"),
        ({"composition": []}, "/composition"),
        ({"composition": {"required": 1}}, "/composition/required"),
        ({"composition": {"required": True}}, "/composition/pinned"),
        ({"composition": {"pinned": {"weights": "x"}}}, "/composition/pinned/weights"),
        ({"composition": {"pinned": {"model": ["x"]}}}, "/composition/pinned/model"),
        ({"composition": {"pinned": {"model": ""}}}, "/composition/pinned/model"),
        ({"composition": {"pinned": {"tools": "x"}}}, "/composition/pinned/tools"),
        ({"composition": {"pinned": {"tools": ["x", 1]}}}, "/composition/pinned/tools/1"),
        ({"composition": {"pinned": {"hooks": ["x"] * 201}}}, "/composition/pinned/hooks"),
        ({"actions": {}}, "/actions"),
        ({"scope": {"branches_allowed": ["**"]}}, "/scope/branches_allowed/0"),
    ],
)
def test_each_fault_of_a_policys_newer_members_points_at_its_place(document: object, pointer: str) -> None:
    assert list(faults(Policy, document)) == [pointer]


@pytest.mark.parametrize(
    ("key", "change", "pointer"),
    [
        ("release", {}, "/actions/release"),
        ("pr.open", {}, "/actions/pr.open"),
        ("Acme.release", {}, "/actions/Acme.release"),
        ("acme.", {}, "/actions/acme."),
        ("a." + "x" * 60, {}, "/actions/a." + "x" * 60),
        ("acme.release", {"label": ""}, "/actions/acme.release/label"),
        ("acme.release", {"label": 5}, "/actions/acme.release/label"),
        ("acme.release", {"label": "a\nb"}, "/actions/acme.release/label"),
        ("acme.release", {"reversibility": "maybe"}, "/actions/acme.release/reversibility"),
        ("acme.release", {"tier": "none"}, "/actions/acme.release/tier"),
        ("acme.release", {"tier": "free", "reversibility": "irreversible"}, "/actions/acme.release/tier"),
        ("acme.release", {"tools": ["*"]}, "/actions/acme.release/tools/0"),
        ("acme.release", {"commands": ["* x"]}, "/actions/acme.release/commands/0"),
        ("acme.release", {"tools": [], "commands": []}, "/actions/acme.release"),
        ("acme.release", {"owner": "x"}, "/actions/acme.release/owner"),
    ],
)
def test_each_fault_of_an_own_action_points_at_its_place(key: str, change: dict[str, Any], pointer: str) -> None:
    assert list(faults(Baseline, {"actions": {key: {**RELEASE, **change}}})) == [pointer]


def test_an_own_action_counts_in_the_documents_that_know_of_it() -> None:
    baseline = Baseline.from_document({"actions": {"acme.release": RELEASE}, "tiers": {"acme.release": "forbidden"}})
    catalogue = baseline.catalogue
    assert list(catalogue)[:-1] == list(CATALOGUE)
    assert catalogue["acme.release"].reversibility is Reversibility.HARD_TO_REVERSE
    document = {"tiers": {"acme.release": "free"}, "modes": {"tier.acme.release": "observe"}}
    assert Policy.from_document(document, catalogue=catalogue).tiers == {"acme.release": Tier.FREE}
    assert set(faults(Policy, document)) == {"/tiers/acme.release", "/modes/tier.acme.release"}


def test_what_was_taken_before_is_read_after_its_action_has_gone() -> None:
    document = {"tiers": {"acme.release": "gated", "read": "gated"}, "modes": {"tier.acme.release": "warn"}}
    policy = Policy.stored(document)
    assert policy.to_document()["tiers"] == document["tiers"]
    assert compile_effective(policy).tier("acme.release") is Tier.GATED  # as unknown
    assert Restriction.stored(document).to_document() == document
    with pytest.raises(PolicyError):
        Policy.stored({"tiers": {"rocket": "free"}})
    with pytest.raises(PolicyError):
        Restriction.stored({"tiers": {"secret.read": "free"}})


def test_an_own_action_never_falls_below_its_floor() -> None:
    once = Baseline.from_document({"actions": {"acme.release": {**RELEASE, "reversibility": "irreversible"}}})
    never = Baseline.from_document({"actions": {"acme.release": {**RELEASE, "tier": "forbidden"}}})
    loose = Policy.stored({"tiers": {"acme.release": "free"}})
    assert compile_effective(loose, organisation=once).tier_of("acme.release") == (Tier.GATED, Level.ORGANISATION)
    assert compile_effective(loose, organisation=never).tier_of("acme.release") == (Tier.FORBIDDEN, Level.ORGANISATION)
    assert set(faults_with(once, {"tiers": {"acme.release": "free"}})) == {"/tiers/acme.release"}


def faults_with(baseline: Baseline, document: object) -> dict[str, str]:
    with pytest.raises(PolicyError) as caught:
        Policy.from_document(document, catalogue=baseline.catalogue)
    return {error["pointer"]: error["detail"] for error in caught.value.errors}


def test_a_tool_or_command_of_two_actions_is_the_stricter() -> None:
    actions = {"acme.a": {**RELEASE, "tier": "free"}, "acme.b": {**RELEASE, "tier": "forbidden"}}
    catalogue = Baseline.from_document({"actions": actions}).catalogue
    assert catalogue.of_tool("mcp__acme__release") == "acme.b"
    assert catalogue.of_command(("acme-release", "now")) == "acme.b"
    assert catalogue.of_command(("acme-release", None)) is None
    assert catalogue.of_command(("other",)) is None
    assert BUILT_IN.of_tool("mcp__acme__release") is None
    assert Catalogue() == BUILT_IN


def test_which_level_decides_a_tier() -> None:
    policy = Policy.from_document({"tiers": {"pr.open": "gated"}, "tasks": {"fix": {"tiers": {"read": "forbidden"}}}})
    effective = compile_effective(
        policy, organisation=Baseline(tiers={"commit": Tier.GATED}), team=Restriction(tiers={"pr.open": Tier.GATED})
    )
    assert effective.tier_of("commit") == (Tier.GATED, Level.ORGANISATION)
    assert effective.tier_of("pr.open") == (Tier.GATED, Level.TEAM)
    assert effective.tier_of("pr.merge") == (Tier.GATED, Level.AGENT)
    assert effective.tier_of("lint") == (Tier.FREE, Level.AGENT)
    assert effective.tier_of("secret.read") == (Tier.FORBIDDEN, Level.ORGANISATION)
    assert effective.tier_of("read") == (Tier.FREE, Level.AGENT)
    assert effective.tier_of("read", "fix") == (Tier.FORBIDDEN, Level.TASK)
    assert effective.tier_of("read", "no such task") == (Tier.FREE, Level.AGENT)
    assert effective.tier_of("no.such.action")[0] is Tier.GATED


def test_only_gates_that_can_be_undone_have_a_mode() -> None:
    assert all(may_loosen(rule, BUILT_IN.floors) for rule in RULES)
    loosened = {key for key in CATALOGUE if may_loosen(f"tier.{key}", BUILT_IN.floors)}
    assert loosened == {key for key, tier in BUILT_IN.floors.items() if tier is Tier.FREE}
    assert "unknown" not in loosened
    assert {mode.rank for mode in Mode} == {0, 1, 2}


def test_a_fingerprint_is_of_the_things_and_not_of_their_order() -> None:
    pinned = {"model": "m", "prompt": "p", "tools": ["b", "a", "a"], "mcp_servers": [], "hooks": ["h"]}
    assert list(pinned) == list(MEMBERS)
    # SHA-256 of {"hooks":["h"],"mcp_servers":[],"model":"m","prompt":"p","tools":["a","b"]}
    assert fingerprint(pinned) == "385d5cf75907e9a07e38d7b88122de234800afc3abd719c246c6e7e3ce59df66"
    turned = {name: pinned[name] for name in reversed(pinned)} | {"tools": ("a", "b")}
    assert fingerprint(turned) == fingerprint(pinned)
    for name in pinned:
        assert fingerprint({key: value for key, value in pinned.items() if key != name}) != fingerprint(pinned)
    for wrong in ({"x": "y"}, {"model": ["m"]}, {"tools": "a"}, {"tools": [1]}):
        with pytest.raises(ValueError, match="pinned by"):
            fingerprint(wrong)
    read = Policy.from_document({"composition": {"pinned": pinned}}).composition
    assert read == Composition(pinned={**read.pinned})
    assert fingerprint(read.pinned) == fingerprint(pinned)
    assert Policy.stored({"composition": read.to_document()}).composition == read


def test_the_digest_of_a_first_revision_has_not_moved() -> None:
    """Members that came later are written only when they say something."""
    document = template().to_document()
    assert list(document) == ["scope", "tiers", "limits", "approval"]
    assert document["limits"] == {"files": 20, "lines": 500}
    scope = document["scope"]
    assert isinstance(scope, dict)
    assert list(scope)[-1] == "models"
    assert digest_of(template()) == digest_of(Policy.stored(copy.deepcopy(document)))


def test_a_million_patterns_are_one_fault_and_a_million_settings_are_counted() -> None:
    patterns = ["acme/x"] * 1_000_000
    assert faults(Policy, {"scope": {"repositories": patterns}}) == {
        "/scope/repositories": "There are 1000000 patterns; at most 200 are taken."
    }
    with pytest.raises(PolicyError) as caught:
        Policy.from_document({f"x{place}": 1 for place in range(5_000)})
    assert len(caught.value.errors) == MOST_FAULTS + 1
    assert caught.value.errors[-1]["detail"] == "There are 4800 more faults."


def test_a_policy_that_allows_everything_is_refused_with_each_reason() -> None:
    everything = {
        "scope": {
            "repositories": ["**"],
            "branches_allowed": ["**"],
            "paths_allowed": ["**"],
            "environments": ["*"],
            "hosts": ["*"],
            "models": ["*"],
            "tools": ["*"],
            "commands_allowed": ["*"],
            "credentials": ["*"],
        },
        "tiers": dict.fromkeys(CATALOGUE, "free"),
        "limits": {"files": 10**9},
        "modes": {"tier.unknown": "observe"},
    }
    found = faults(Policy, everything)
    never_free = {f"/tiers/{key}" for key, tier in BUILT_IN.floors.items() if tier is not Tier.FREE}
    lists = {"repositories", "branches_allowed", "environments", "hosts", "tools", "commands_allowed", "credentials"}
    assert set(found) == {
        *never_free, *(f"/scope/{name}/0" for name in lists), "/limits/files", "/modes/tier.unknown",
    }  # fmt: skip
    assert all(detail.endswith(".") for detail in found.values())


@pytest.mark.parametrize("key", ["acme.x", "acme.x.y", "a1_b-c.d"])
def test_own_keys(key: str) -> None:
    assert is_own_key(key)
