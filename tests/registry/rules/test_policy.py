"""The policy document: what is taken, every fault that is named, and that nothing loosens the baseline."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.actions import BASELINE, CATALOGUE
from registry.rules.effective import compile_effective
from registry.rules.policy import Policy, PolicyError, Scope, digest, template
from registry.rules.scope import match_path, match_repository
from registry.rules.tiers import Tier


def faults(document: object) -> dict[str, str]:
    with pytest.raises(PolicyError) as caught:
        Policy.from_document(document)
    return {error["pointer"]: error["detail"] for error in caught.value.errors}


def test_the_template_reads_back_exactly() -> None:
    document = template().to_document()
    assert Policy.from_document(document) == template()
    assert Policy.from_document(document).to_document() == document
    assert list(document) == ["scope", "tiers", "limits", "approval"]


def test_the_template_allows_nothing_until_a_repository_is_named() -> None:
    compiled = compile_effective(template())
    assert not match_repository(compiled.scope, "acme/checkout").allowed
    assert match_path(compiled.scope, "src/app.py").allowed
    assert not match_path(compiled.scope, "deploy/.env").allowed
    assert (template().limits.files, template().limits.lines) == (20, 500)


def test_an_empty_document_is_the_defaults_with_nothing_in_scope() -> None:
    policy = Policy.from_document({})
    assert policy.scope == Scope()
    assert policy.tier_of("read") is Tier.FREE
    assert policy.tier_of("no.such.action") is Tier.GATED
    assert policy.to_document()["tiers"] == {}


def test_repositories_are_kept_in_their_normal_form() -> None:
    policy = Policy.from_document({"scope": {"repositories": ["https://GitHub.com/Acme/Checkout.git"]}})
    assert policy.scope.repositories == ("acme/checkout",)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (None, ""),
        ([], ""),
        ("{}", ""),
        ({"extra": 1}, "/extra"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({7: 1}, "/7"),
        ({"scope": None}, "/scope"),
        ({"scope": []}, "/scope"),
        ({"scope": {"secrets": []}}, "/scope/secrets"),
        ({"scope": {"hosts": "api.example.com"}}, "/scope/hosts"),
        ({"scope": {"hosts": {"a": 1}}}, "/scope/hosts"),
        ({"scope": {"repositories": [True]}}, "/scope/repositories/0"),
        ({"scope": {"repositories": ["a/b", "A/B.git"]}}, "/scope/repositories/1"),
        ({"scope": {"repositories": [f"a/r{n}" for n in range(201)]}}, "/scope/repositories"),
        ({"scope": {"paths_allowed": ["x" * 201]}}, "/scope/paths_allowed/0"),
        ({"tiers": []}, "/tiers"),
        ({"tiers": {"rocket.launch": "free"}}, "/tiers/rocket.launch"),
        ({"tiers": {"read": "FREE"}}, "/tiers/read"),
        ({"tiers": {"read": None}}, "/tiers/read"),
        ({"tiers": {"read": ["free"]}}, "/tiers/read"),
        ({"limits": {"files": 0}}, "/limits/files"),
        ({"limits": {"lines": 10**30}}, "/limits/lines"),
        ({"approval": {"on_timeout": "approve"}}, "/approval/on_timeout"),
        ({"approval": {"expires_minutes": 0}}, "/approval/expires_minutes"),
        ({"approval": {"grant_minutes": 100000}}, "/approval/grant_minutes"),
    ],
)
def test_each_fault_points_at_its_place(document: object, pointer: str) -> None:
    found = faults(document)
    assert list(found) == [pointer]
    assert found[pointer].endswith(".")


@pytest.mark.parametrize("quorum", [0, -1, None, "1", "1 ", 1.0, 1.9, True, False, 11, 10**30, [1], float("nan")])
def test_a_quorum_is_a_whole_number_from_one(quorum: object) -> None:
    assert list(faults({"approval": {"quorum": quorum}})) == ["/approval/quorum"]


@pytest.mark.parametrize(
    ("part", "pattern"),
    [
        ("repositories", "**"),
        ("repositories", "*"),
        ("repositories", "*/*"),
        ("repositories", "*/checkout"),
        ("repositories", "?*/x"),
        ("repositories", "git.acme.com/*/*"),
        ("repositories", "git.acme.com/**"),
        ("repositories", "*.acme.com/a/b"),
        ("repositories", "a*/b"),
        ("repositories", "acme/../*"),
        ("repositories", "acme/{a,b}"),
        ("repositories", "acme/[a-z]*"),
        ("repositories", "!acme/x"),
        ("branches_allowed", "**"),
        ("branches_allowed", "*"),
        ("branches_allowed", "*/**"),
        ("branches_allowed", "?*"),
        ("branches_allowed", "refs/heads/**"),
        ("branches_allowed", "refs/tags/*"),
        ("branches_allowed", "a**"),
        ("branches_allowed", "*a*b*"),
        ("branches_allowed", "**/a/**/b/**"),
        ("paths_allowed", "../x"),
        ("paths_allowed", "a/../b"),
        ("paths_allowed", "./a"),
        ("paths_allowed", "a//b"),
        ("paths_allowed", "/"),
        ("paths_allowed", ""),
        ("paths_blocked", "!keep"),
        ("paths_blocked", "#note"),
        ("paths_blocked", "a\\b"),
        ("paths_blocked", "[a"),
        ("paths_blocked", "x "),
        ("paths_blocked", "a/./b"),
        ("paths_blocked", "sec\u200bret"),
        ("environments", "*"),
        ("environments", "production"),
        ("environments", "Production"),
        ("environments", "pro*"),
        ("environments", "?rod"),
        ("hosts", "*"),
        ("hosts", "*.com"),
        ("hosts", "a.*.com"),
        ("hosts", "**.example.com"),
        ("hosts", "https://example.com"),
        ("models", ""),
        ("models", "claude *"),
    ],
)
def test_patterns_that_say_too_much_or_cannot_be_read(part: str, pattern: str) -> None:
    assert list(faults({"scope": {part: [pattern]}})) == [f"/scope/{part}/0"]


def test_every_fault_is_named_at_once() -> None:
    found = faults(
        {
            "scope": {"repositories": ["**", "a/b", "a/.."], "hosts": 1},
            "tiers": {"nope": "free", "secret.read": "gated"},
            "limits": {"files": True},
            "more": {},
        }
    )
    assert set(found) == {
        "/scope/repositories/0",
        "/scope/repositories/2",
        "/scope/hosts",
        "/tiers/nope",
        "/tiers/secret.read",
        "/limits/files",
        "/more",
    }


@pytest.mark.parametrize("key", CATALOGUE)
@pytest.mark.parametrize("tier", Tier)
def test_a_tier_may_be_stricter_than_the_baseline_and_never_looser(key: str, tier: Tier) -> None:
    document = {"tiers": {key: tier.value}}
    if tier.rank < BASELINE[key].rank:
        assert BASELINE[key].value in faults(document)[f"/tiers/{key}"]
    else:
        assert Policy.from_document(document).tier_of(key) is tier
    # Built past the reader, the baseline still holds.
    assert compile_effective(Policy(tiers={key: tier})).tier(key).rank >= BASELINE[key].rank


def test_a_policy_cannot_be_changed_after_it_was_made() -> None:
    written = {"read": Tier.GATED}
    policy = Policy(tiers=written)
    written["read"] = Tier.FREE
    assert policy.tier_of("read") is Tier.GATED
    with pytest.raises(TypeError):
        policy.tiers["read"] = Tier.FREE  # type: ignore[index]


def test_the_digest_follows_the_document_and_not_its_order() -> None:
    document: dict[str, Any] = copy.deepcopy(dict(template().to_document()))
    turned = {key: document[key] for key in reversed(document)}
    turned["tiers"] = dict(reversed(document["tiers"].items()))
    assert digest(Policy.from_document(turned)) == digest(template())
    stricter = replace(template(), approval=replace(template().approval, quorum=2))
    assert digest(stricter) != digest(template())
    assert len(digest(template())) == 64


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "scope": JSON | st.dictionaries(st.sampled_from(["repositories", "hosts", "paths_allowed"]), JSON, max_size=3),
        "tiers": JSON | st.dictionaries(st.sampled_from(["read", "unknown", "x"]), JSON, max_size=3),
        "limits": JSON | st.dictionaries(st.sampled_from(["files", "lines"]), JSON, max_size=2),
        "approval": JSON | st.dictionaries(st.sampled_from(["quorum", "grant_minutes"]), JSON, max_size=2),
    },
)


@given(SECTIONS | JSON)
def test_any_document_is_a_policy_or_a_list_of_faults(document: object) -> None:
    try:
        policy = Policy.from_document(document)
    except PolicyError:
        assert all(pointer.startswith("/") or pointer == "" for pointer in faults(document))
        return
    again = Policy.from_document(policy.to_document())
    assert again == policy
    assert again.to_document() == policy.to_document()
    compile_effective(policy)
