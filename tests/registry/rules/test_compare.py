"""The difference of two policies: its words, and that nothing newly allowed escapes the name of widening."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from registry.rules.actions import CATALOGUE
from registry.rules.compare import Direction, describe, widens
from registry.rules.effective import Effective, compile_effective
from registry.rules.policy import ApprovalRule, Limits, Policy, Scope, template
from registry.rules.scope import (
    Match,
    match_branch,
    match_environment,
    match_host,
    match_path,
    match_repository,
)
from registry.rules.tiers import Tier


def scoped(**lists: tuple[str, ...]) -> Policy:
    return replace(template(), scope=Scope(**lists))


def test_nothing_changed_is_all_unchanged() -> None:
    changes = describe(template(), template())
    assert {change.direction for change in changes} == {Direction.UNCHANGED}
    assert len({change.pointer for change in changes}) > len(CATALOGUE)
    assert all(change.sentence.endswith(".") for change in changes)


W, T, U = Direction.WIDENED, Direction.TIGHTENED, Direction.UNCHANGED


@pytest.mark.parametrize(
    ("part", "old", "new", "expected"),
    [
        ("repositories", [], ["a/b"], {"a/b": W}),
        ("repositories", ["a/b"], [], {"a/b": T}),
        ("repositories", ["a/*"], ["a/b"], {"a/b": T, "a/*": T}),
        ("repositories", ["a/b"], ["a/*"], {"a/*": W, "a/b": T}),
        ("repositories", ["a/b*"], ["a/bc", "a/c"], {"a/bc": T, "a/c": W, "a/b*": T}),
        ("branches_allowed", ["feature/*"], ["feature/**"], {"feature/**": W, "feature/*": T}),
        ("branches_allowed", ["feature/**"], ["feature/a/*"], {"feature/a/*": T, "feature/**": T}),
        ("branches_protected", ["main"], [], {"main": W}),
        ("branches_protected", ["main"], ["**"], {"**": W, "main": U}),
        ("branches_protected", [], ["main"], {"main": W}),
        ("paths_allowed", ["**"], ["src/**"], {"src/**": T, "**": T}),
        ("paths_allowed", ["src/**"], ["/src/app"], {"/src/app": T, "src/**": T}),
        ("paths_allowed", ["src/**"], ["src"], {"src": W, "src/**": T}),
        ("paths_allowed", ["src/**"], ["src/"], {"src/": W, "src/**": T}),
        ("branches_allowed", ["feature/**"], ["feature"], {"feature": W, "feature/**": T}),
        ("paths_blocked", ["*.pem"], [], {"*.pem": W}),
        ("paths_blocked", [], ["*.pem"], {"*.pem": T}),
        ("paths_blocked", ["a/b"], ["a/**"], {"a/**": T, "a/b": U}),
        ("hosts", ["*.example.com"], ["a.example.com"], {"a.example.com": T, "*.example.com": T}),
        ("hosts", ["a.example.com"], ["b.example.com"], {"b.example.com": W, "a.example.com": T}),
        ("models", ["claude-*"], ["*"], {"*": W, "claude-*": T}),
        ("environments", ["test"], ["test", "staging"], {"test": U, "staging": W}),
    ],
)
def test_each_scope_entry_has_its_direction(
    part: str, old: list[str], new: list[str], expected: dict[str, Direction]
) -> None:
    changes = describe(scoped(**{part: tuple(old)}), scoped(**{part: tuple(new)}))
    assert {c.subject: c.direction for c in changes if c.pointer == f"/scope/{part}"} == expected


def test_protecting_a_branch_the_agent_could_push_to_is_tighter() -> None:
    old = scoped(branches_allowed=("release/**",))
    new = scoped(branches_allowed=("release/**",), branches_protected=("release/1",))
    assert widens(old, new) == []


@pytest.mark.parametrize("old", Tier)
@pytest.mark.parametrize("new", Tier)
def test_tiers_move_one_way(old: Tier, new: Tier) -> None:
    changes = describe(replace(template(), tiers={"read": old}), replace(template(), tiers={"read": new}))
    change = next(change for change in changes if change.pointer == "/tiers/read")
    assert change.direction is (U if old is new else W if new.rank < old.rank else T)
    assert new.value in change.sentence
    assert old.value in change.sentence


@pytest.mark.parametrize(
    ("member", "name", "more"),
    [
        ("limits", "files", W),
        ("limits", "lines", W),
        ("approval", "quorum", T),
        ("approval", "expires_minutes", W),
        ("approval", "grant_minutes", W),
    ],
)
def test_numbers_move_one_way(member: str, name: str, more: Direction) -> None:
    old = template()
    part: Any = getattr(old, member)
    new = replace(old, **{member: replace(part, **{name: getattr(part, name) + 1})})
    pointer = f"/{member}/{name}"
    assert {c.direction for c in describe(old, new) if c.pointer == pointer} == {more}
    assert {c.direction for c in describe(new, old) if c.pointer == pointer} == {T if more is W else W}
    assert [c.pointer for c in widens(old, new)] == ([pointer] if more is W else [])


SEGMENT = st.sampled_from(["a", "b", "ab", "a*", "*", "?", "*b"])
TREE = st.lists(SEGMENT | st.just("**"), min_size=1, max_size=3).filter(lambda parts: parts.count("**") < 3)
BRANCHES = TREE.map("/".join).filter(lambda text: any(sign in text for sign in "ab"))
PATHS = st.tuples(st.sampled_from(["", "/"]), TREE.map("/".join), st.sampled_from(["", "/"])).map("".join)
REPOSITORIES = st.sampled_from(["o/a", "o/b", "o/a*", "o/*", "o/**", "o/?", "h.x/o/a", "h.x/o/*", "h.x/o/**", "p/a"])
HOSTS = st.sampled_from(["a.x.y", "b.x.y", "*.x.y", "a.x.y:80", "x.y"])
ENVIRONMENTS = st.sampled_from(["ta", "tb", "t*", "t?", "*b"])


def some(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(patterns, max_size=3, unique=True).map(tuple)


SCOPES = st.builds(
    Scope,
    repositories=some(REPOSITORIES),
    branches_allowed=some(BRANCHES),
    branches_protected=some(BRANCHES),
    paths_allowed=some(PATHS),
    paths_blocked=some(PATHS),
    environments=some(ENVIRONMENTS),
    hosts=some(HOSTS),
)
POLICIES = st.builds(
    Policy,
    scope=SCOPES,
    tiers=st.dictionaries(st.sampled_from(["read", "pr.merge", "secret.read"]), st.sampled_from(Tier)),
    limits=st.builds(Limits, files=st.integers(1, 3)),
    approval=st.builds(ApprovalRule, quorum=st.integers(1, 2)),
)
PART = st.text(alphabet="ab", min_size=1, max_size=2)
NAMES = st.lists(PART, min_size=1, max_size=4).map("/".join)
SAMPLES = st.tuples(
    st.sampled_from(["o/a", "o/b", "o/ab", "p/a", "h.x/o/a", "h.x/o/b/a"]),
    NAMES,
    NAMES,
    st.sampled_from(["a.x.y", "b.x.y", "x.y", "a.x.y:80", "a.b.x.y"]),
    st.sampled_from(["ta", "tb", "tab"]),
)
# How much each answer opens: a protected branch can be reached with an approval, one out of scope cannot.
BRANCH_RANK = {Match.REFUSED: 0, Match.OUTSIDE: 0, Match.BLOCKED: 1, Match.ALLOWED: 2}


def openness(policy: Effective, sample: tuple[str, str, str, str, str]) -> tuple[int, ...]:
    """How far ``policy`` opens each dimension of the sample; larger is more."""
    repository, branch, path, host, environment = sample
    return (
        match_repository(policy.scope, repository).allowed,
        BRANCH_RANK[match_branch(policy.scope, branch).match],
        match_path(policy.scope, path).allowed,
        match_host(policy.scope, host).allowed,
        match_environment(policy.scope, environment).allowed,
        *(-policy.tier(key).rank for key in CATALOGUE),
        policy.policy.limits.files,
        -policy.policy.approval.quorum,
    )


def assert_no_wider(old: Policy, new: Policy, samples: list[tuple[str, str, str, str, str]]) -> None:
    before, after = compile_effective(old), compile_effective(new)
    for sample in samples:
        for was, now in zip(openness(before, sample), openness(after, sample), strict=True):
            assert now <= was


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(old=POLICIES, data=st.data(), samples=st.lists(SAMPLES, min_size=10, max_size=30))
def test_without_a_widening_nothing_new_is_allowed(
    old: Policy, data: st.DataObject, samples: list[tuple[str, str, str, str, str]]
) -> None:
    # One list is drawn anew and the rest kept, so that "no widening" is met often enough to prove something.
    other = data.draw(SCOPES)
    part = data.draw(st.sampled_from(sorted(Scope.__dataclass_fields__)))
    new = replace(old, scope=replace(old.scope, **{part: getattr(other, part)}))
    assume(not widens(old, new))
    assert_no_wider(old, new, samples)


@settings(max_examples=300)
@given(POLICIES, POLICIES, st.lists(SAMPLES, min_size=5, max_size=15))
def test_any_opening_is_called_a_widening(
    old: Policy, new: Policy, samples: list[tuple[str, str, str, str, str]]
) -> None:
    before, after = compile_effective(old), compile_effective(new)
    opened = any(
        now > was
        for sample in samples
        for was, now in zip(openness(before, sample), openness(after, sample), strict=True)
    )
    if opened:
        assert widens(old, new)
