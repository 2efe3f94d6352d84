"""The difference of the newer members, and of restrictions and baselines: each direction, each sentence."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from registry.rules.actions import CATALOGUE
from registry.rules.change import listed
from registry.rules.compare import Change, Direction, describe, widens
from registry.rules.policy import Policy, template
from registry.rules.restriction import Baseline, Restriction
from tests.policies import BASELINES, POLICIES, RESTRICTIONS

W, T, U = Direction.WIDENED, Direction.TIGHTENED, Direction.UNCHANGED
ACTION: dict[str, Any] = {
    "label": "Release",
    "reversibility": "hard_to_reverse",
    "tier": "gated",
    "explain": "It releases.",
    "commands": ["acme-release"],
}


def moved(old: Policy | Restriction, new: Policy | Restriction) -> dict[str, Direction]:
    return {f"{c.pointer} {c.subject}": c.direction for c in describe(old, new) if c.direction is not U}


def policies(old: dict[str, Any], new: dict[str, Any]) -> tuple[Policy, Policy]:
    return Policy.from_document(old), Policy.from_document(new)


def restrictions(old: dict[str, Any], new: dict[str, Any]) -> tuple[Restriction, Restriction]:
    return Restriction.from_document(old), Restriction.from_document(new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"tools": ["Bash"]}, {"/scope/tools tools": T}),
        ({"tools": ["Bash"]}, {}, {"/scope/tools tools": W}),
        ({"tools": ["Bash"]}, {"tools": []}, {"/scope/tools Bash": T}),
        (
            {"tools": ["mcp__a__*"]},
            {"tools": ["mcp__a__b"]},
            {"/scope/tools mcp__a__b": T, "/scope/tools mcp__a__*": T},
        ),
        (
            {"tools": ["mcp__a__b"]},
            {"tools": ["mcp__a__*"]},
            {"/scope/tools mcp__a__*": W, "/scope/tools mcp__a__b": T},
        ),
        ({}, {"commands_allowed": ["git"]}, {"/scope/commands_allowed commands": T}),
        ({"commands_allowed": ["git"]}, {}, {"/scope/commands_allowed commands": W}),
        (
            {"commands_allowed": ["git"]},
            {"commands_allowed": ["git push"]},
            {"/scope/commands_allowed git push": T, "/scope/commands_allowed git": T},
        ),
        (
            {"commands_allowed": ["git push"]},
            {"commands_allowed": ["git push", "git *"]},
            {"/scope/commands_allowed git *": W},
        ),
        ({}, {"commands_blocked": ["git push"]}, {"/scope/commands_blocked git push": T}),
        ({"commands_blocked": ["git push"]}, {}, {"/scope/commands_blocked git push": W}),
        ({"commands_blocked": ["git push"]}, {"commands_blocked": ["git"]}, {"/scope/commands_blocked git": T}),
        ({"credentials": ["a"]}, {"credentials": ["b"]}, {"/scope/credentials b": W, "/scope/credentials a": T}),
        ({}, {"credentials": ["a"]}, {"/scope/credentials a": W}),
        ({"models": ["*"]}, {"models": ["p/m"]}, {"/scope/models p/m": T, "/scope/models *": T}),
        ({"models": ["m"]}, {"models": ["p/m"]}, {"/scope/models p/m": W, "/scope/models m": T}),
        # A pin opens any name that its host may give it, and keeps out others of its name.
        (
            {"repositories": ["a/b"]},
            {"repositories": ["a/b#1"]},
            {"/scope/repositories a/b#1": W, "/scope/repositories a/b": T},
        ),
        (
            {"repositories": ["a/*", "a/b#1"]},
            {"repositories": ["a/*"]},
            {"/scope/repositories a/b#1": W},
        ),
        ({"repositories": ["a/c", "a/b#1"]}, {"repositories": ["a/c"]}, {"/scope/repositories a/b#1": T}),
        (
            {"repositories": ["a/b#1"]},
            {"repositories": ["a/b#2"]},
            {"/scope/repositories a/b#2": W, "/scope/repositories a/b#1": W},
        ),
    ],
)
def test_each_entry_of_the_newer_lists(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, Direction]
) -> None:
    assert moved(*policies({"scope": old}, {"scope": new})) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"scope": {"repositories": ["a/b"]}}, {"/scope/repositories repositories": T}),
        ({"scope": {"repositories": ["a/b"]}}, {}, {"/scope/repositories repositories": W}),
        ({"scope": {"hosts": ["a.b.c"]}}, {"scope": {"hosts": []}}, {"/scope/hosts a.b.c": T}),
        ({}, {"scope": {"branches_protected": ["main"]}}, {"/scope/branches_protected main": T}),
        ({"scope": {"branches_protected": ["main"]}}, {}, {"/scope/branches_protected main": W}),
        ({}, {"scope": {"paths_blocked": ["a"]}}, {"/scope/paths_blocked a": T}),
        ({}, {"tiers": {"read": "gated"}}, {"/tiers/read read": T}),
        ({}, {"tiers": {"read": "free"}}, {"/tiers/read read": W}),
        ({"tiers": {"read": "gated"}}, {}, {"/tiers/read read": W}),
        ({"tiers": {"read": "free"}}, {}, {"/tiers/read read": T}),
        ({"tiers": {"read": "gated"}}, {"tiers": {"read": "forbidden"}}, {"/tiers/read read": T}),
        ({}, {"limits": {"files": 3}}, {"/limits/files Files in one change": T}),
        ({"limits": {"files": 3}}, {}, {"/limits/files Files in one change": W}),
        ({"limits": {"files": 3}}, {"limits": {"files": 4}}, {"/limits/files Files in one change": W}),
        ({}, {"approval": {"quorum": 2}}, {"/approval/quorum People who must approve": T}),
        ({"approval": {"quorum": 2}}, {"approval": {"quorum": 1}}, {"/approval/quorum People who must approve": W}),
        ({}, {"modes": {"limits.files": "observe"}}, {"/modes/limits.files limits.files": W}),
        ({"modes": {"limits.files": "observe"}}, {}, {"/modes/limits.files limits.files": T}),
        ({}, {}, {}),
    ],
)
def test_each_member_of_a_restriction(old: dict[str, Any], new: dict[str, Any], expected: dict[str, Direction]) -> None:
    assert moved(*restrictions(old, new)) == expected


MODE_ORDER = ["observe", "warn", "enforce"]


@pytest.mark.parametrize("old", MODE_ORDER)
@pytest.mark.parametrize("new", MODE_ORDER)
def test_a_looser_mode_is_a_widening(old: str, new: str) -> None:
    before, after = policies({"modes": {"tier.read": old}}, {"modes": {"tier.read": new}})
    change = next(change for change in describe(before, after) if change.pointer == "/modes/tier.read")
    way = U if old == new else W if MODE_ORDER.index(new) < MODE_ORDER.index(old) else T
    assert change.direction is way
    assert change.sentence.startswith("The tier of “Read files”: ")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"fix": {}}, {"/tasks/fix fix": T}),
        ({"fix": {}}, {}, {"/tasks/fix fix": W}),
        ({"fix": {}}, {"fix": {}, "move": {}}, {"/tasks/move move": W}),
        ({"fix": {}, "move": {}}, {"fix": {}}, {"/tasks/move move": T}),
        ({"fix": {}}, {"fix": {"scope": {"tools": ["Bash"]}}}, {"/tasks/fix/scope/tools tools": T}),
        (
            {"fix": {"limits": {"files": 2}}},
            {"fix": {"limits": {"files": 3}}},
            {"/tasks/fix/limits/files Files in one change": W},
        ),
    ],
)
def test_task_types(old: dict[str, Any], new: dict[str, Any], expected: dict[str, Direction]) -> None:
    assert moved(*policies({"tasks": old}, {"tasks": new})) == expected


def test_a_change_inside_a_task_type_names_it() -> None:
    old, new = policies({"tasks": {"fix": {"limits": {"files": 2}}}}, {"tasks": {"fix": {"limits": {"files": 3}}}})
    assert [change.sentence for change in widens(old, new)] == ["Task type fix: Files in one change: 2 before, 3 now."]


@pytest.mark.parametrize(
    ("old", "new", "pointers"),
    [
        ({}, {"pinned": {"model": "m"}}, {"/composition/pinned/model"}),
        ({"pinned": {"model": "m"}}, {}, {"/composition/pinned/model"}),
        ({"pinned": {"model": "m"}}, {"pinned": {"model": "n"}}, {"/composition/pinned/model"}),
        ({"pinned": {"tools": ["a", "b"]}}, {"pinned": {"tools": ["b", "a"]}}, set()),
        ({"pinned": {"tools": ["a"]}}, {"pinned": {"tools": ["a", "b"]}}, {"/composition/pinned/tools"}),
        ({"pinned": {"model": "m"}}, {"required": True, "pinned": {"model": "m"}}, {"/composition/required"}),
        ({"required": True, "pinned": {"model": "m"}}, {"pinned": {"model": "m"}}, {"/composition/required"}),
    ],
)
def test_any_change_of_what_the_agent_is_made_of_is_a_widening(
    old: dict[str, Any], new: dict[str, Any], pointers: set[str]
) -> None:
    assert {c.pointer for c in widens(*policies({"composition": old}, {"composition": new}))} == pointers


def test_what_the_agent_is_made_of_is_said_in_words() -> None:
    old, new = policies(
        {"composition": {"pinned": {"model": "a", "tools": ["x"], "hooks": ["h"]}}},
        {"composition": {"required": True, "pinned": {"model": "b", "tools": [], "hooks": ["h"]}}},
    )
    said = [change.sentence for change in describe(old, new) if change.pointer.startswith("/composition")]
    assert said == [
        "Made of: the model was a, and is b now.",
        "Made of: the tools were x, and are none now.",
        "Made of: the hooks stay h.",
        "Made of: an agent that does not say what it is made of needs an approval now.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ({}, {"acme.a": ACTION}, 1),
        ({"acme.a": ACTION}, {}, 1),
        ({"acme.a": ACTION}, {"acme.a": ACTION}, 0),
        ({"acme.a": ACTION}, {"acme.a": {**ACTION, "label": "Read a file"}}, 1),
        ({"acme.a": ACTION}, {"acme.a": {**ACTION, "tier": "forbidden"}}, 1),
        ({"acme.a": ACTION}, {"acme.b": ACTION}, 2),
    ],
)
def test_any_change_of_the_catalogue_is_a_widening(old: dict[str, Any], new: dict[str, Any], count: int) -> None:
    before, after = Baseline.from_document({"actions": old}), Baseline.from_document({"actions": new})
    assert len(widens(before, after)) == count
    assert len(widens(Restriction(), after)) == len(new)


def test_an_own_action_is_called_by_its_label() -> None:
    catalogue = Baseline.from_document({"actions": {"acme.a": ACTION}}).catalogue
    old, new = (
        Policy.from_document({"tiers": {"acme.a": tier}}, catalogue=catalogue) for tier in ("gated", "forbidden")
    )
    assert "Release: gated before, forbidden now." in [one.sentence for one in describe(old, new, catalogue=catalogue)]
    assert "acme.a: gated before, forbidden now." in [one.sentence for one in describe(old, new)]


def test_only_like_is_compared_with_like() -> None:
    with pytest.raises(TypeError):
        describe(Policy(), Restriction())


def test_long_lists_are_counted() -> None:
    assert listed(()) == "none"
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def well_said(changes: list[Change]) -> None:
    assert len({(one.pointer, one.subject) for one in changes}) == len(changes)
    for one in changes:
        assert one.sentence.endswith(".")
        assert one.sentence[0].isupper() or one.sentence[0].isalpha()
        assert "  " not in one.sentence
        assert one.pointer.startswith("/")


@given(POLICIES, POLICIES)
def test_every_entry_of_two_policies_is_said_once(old: Policy, new: Policy) -> None:
    changes = describe(old, new)
    well_said(changes)
    assert {change.direction for change in describe(new, new)} == {U}
    if {change.direction for change in changes} == {U}:
        before, after = old.scope.lists(), new.scope.lists()
        assert {name: set(entries) for name, entries in before.items()} == {
            name: set(entries) for name, entries in after.items()
        }
        assert (old.limits, old.approval, old.composition) == (new.limits, new.approval, new.composition)


@given(BASELINES, BASELINES)
def test_every_entry_of_two_baselines_is_said_once(old: Baseline, new: Baseline) -> None:
    well_said(describe(old, new))
    assert {change.direction for change in describe(new, new)} <= {U}
    assert widens(old, old) == []


@given(RESTRICTIONS)
def test_from_nothing_a_restriction_widens_only_by_what_loosens_nothing_known(new: Restriction) -> None:
    """Everything but a written "free" and a mode is tighter than having said nothing."""
    assert {change.pointer.split("/")[1] for change in widens(Restriction(), new)} <= {"tiers", "modes"}


def test_every_action_of_the_catalogue_is_compared() -> None:
    pointers = {change.pointer for change in describe(template(), replace(template(), tiers={}))}
    assert {f"/tiers/{key}" for key in CATALOGUE} <= pointers
