"""The decision: forbid wins, default deny, an error denies, and each dimension of scope counts."""

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.authorize import Decision, Effect, Outcome, Question, Standing, authorize
from approvals.rules.classify import Action
from registry.rules.actions import CATALOGUE
from registry.rules.effective import Effective, compile_effective
from registry.rules.policy import Policy, template
from registry.rules.scope import Scope
from registry.rules.tiers import Tier

SCOPE = Scope(
    repositories=("acme/shop",),
    branches_allowed=("feature/**",),
    branches_protected=("main", "special"),
    paths_allowed=("src/", "tests/"),
    paths_blocked=("src/billing/",),
    environments=("staging",),
    hosts=("example.com",),
    models=("claude-*",),
)
POLICY = compile_effective(replace(template(), scope=SCOPE))
FINE = Standing(agent_state="active", credential_ok=True)


def ask(*actions: Action, policy: Effective = POLICY, standing: Standing = FINE, **stated: str | None) -> Decision:
    known: dict[str, Any] = {"repository": "acme/shop", "branch": "feature/a", **stated}
    return authorize(Question(actions, **known), policy, standing)


def ids(decision: Decision) -> set[str]:
    return {rule.id for rule in decision.rules}


READ = Action("read", "src/a.py", paths=("src/a.py",))
EDIT = Action("edit.file", "src/a.py", paths=("src/a.py",))


def test_a_free_action_in_scope_is_allowed() -> None:
    decision = ask(READ, EDIT, Action("commit"))
    assert (decision.outcome, decision.tier) == (Outcome.ALLOW, Tier.FREE)
    assert decision.sentence.startswith("Allowed: ")
    assert {rule.effect for rule in decision.rules} == {Effect.ALLOW}


@pytest.mark.parametrize(
    ("action", "stated", "outcome", "rule"),
    [
        (READ, {"repository": "acme/other"}, Outcome.DENY, "scope.repository.outside"),
        (READ, {"repository": "acme/shop/../other"}, Outcome.DENY, "scope.repository.outside"),
        (READ, {"repository": None}, Outcome.ALLOW, "tier.read"),
        (Action("test"), {"repository": None}, Outcome.ALLOW, "tier.test"),
        (EDIT, {"repository": None}, Outcome.REVIEW, "scope.repository.not-stated"),
        (Action("edit.file", paths=("src/billing/a.py",)), {}, Outcome.DENY, "scope.path.blocked"),
        (Action("edit.file", paths=("docs/a.md",)), {}, Outcome.REVIEW, "scope.path.outside"),
        (Action("edit.file", paths=("src/../a",)), {}, Outcome.REVIEW, "scope.path.outside"),
        (Action("push.branch", branch="feature/x"), {}, Outcome.ALLOW, "tier.push.branch"),
        (Action("push.branch"), {}, Outcome.ALLOW, "tier.push.branch"),
        (Action("push.branch"), {"branch": None}, Outcome.REVIEW, "scope.branch.not-stated"),
        (Action("push.branch"), {"branch": "main"}, Outcome.REVIEW, "scope.branch.protected"),
        (Action("push.branch", branch="special"), {}, Outcome.REVIEW, "scope.branch.protected"),
        (Action("push.branch", branch="other"), {}, Outcome.REVIEW, "scope.branch.outside"),
        (Action("commit"), {"branch": "main"}, Outcome.REVIEW, "scope.branch.protected"),
        (Action("network.fetch", host="example.com"), {}, Outcome.ALLOW, "scope.host.listed"),
        (Action("network.fetch", host="example.org"), {}, Outcome.REVIEW, "scope.host.outside"),
        (Action("network.fetch"), {}, Outcome.REVIEW, "scope.host.outside"),
        (Action("network.write", host="example.com"), {}, Outcome.REVIEW, "tier.network.write"),
        (Action("infra.change", environment="staging"), {}, Outcome.REVIEW, "tier.infra.change"),
        (Action("infra.change", environment="production"), {}, Outcome.DENY, "scope.environment.outside"),
        (Action("infra.change"), {"environment": "production"}, Outcome.DENY, "scope.environment.outside"),
        (READ, {"model": "other-1"}, Outcome.REVIEW, "scope.model.outside"),
        (READ, {"model": "claude-5"}, Outcome.ALLOW, "tier.read"),
        (Action("secret.read"), {}, Outcome.DENY, "tier.secret.read"),
        (Action("outside.repository", paths=("/etc/x",)), {}, Outcome.DENY, "tier.outside.repository"),
        (Action("unknown"), {}, Outcome.REVIEW, "tier.unknown"),
        (Action("made.up"), {}, Outcome.REVIEW, "tier.unknown"),
    ],
)
def test_one_dimension(action: Action, stated: dict[str, Any], outcome: Outcome, rule: str) -> None:
    decision = ask(action, **stated)
    assert decision.outcome is outcome
    assert rule in ids(decision)


def test_forbid_wins_over_everything_else() -> None:
    decision = ask(READ, Action("unknown"), Action("secret.read", ".env"))
    assert (decision.outcome, decision.tier) == (Outcome.DENY, Tier.FORBIDDEN)
    assert ids(decision) == {"tier.secret.read"}


def test_a_protected_branch_takes_the_tier_of_pushing_there() -> None:
    tiers = {**template().tiers, "push.protected": Tier.FORBIDDEN}
    strict = compile_effective(replace(template(), scope=SCOPE, tiers=tiers))
    assert ask(Action("push.branch", branch="special"), policy=strict).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("standing", "rule"),
    [
        (Standing("suspended", credential_ok=True), "standing.agent"),
        (Standing("draft", credential_ok=True), "standing.agent"),
        (Standing("", credential_ok=True), "standing.agent"),
        (Standing("active", credential_ok=False), "standing.credential"),
        (Standing("active", credential_ok=cast("bool", None)), "standing.credential"),
        (Standing("active", True, ("all",)), "standing.stopped.all"),
        (Standing("active", True, ("team:x", "agent:y")), "standing.stopped.agent:y"),
    ],
)
def test_standing_comes_first(standing: Standing, rule: str) -> None:
    decision = ask(READ, standing=standing)
    assert decision.outcome is Outcome.DENY
    assert rule in ids(decision)
    assert decision.stopped is bool(standing.stopped_by)


def test_nothing_asked_is_denied() -> None:
    decision = ask()
    assert (decision.outcome, ids(decision)) == (Outcome.DENY, {"default.deny"})


def test_an_error_is_a_denial() -> None:
    broken = cast("Effective", object())
    decision = ask(READ, policy=broken)
    assert decision.outcome is Outcome.DENY
    assert decision.errors == ("AttributeError",)


def test_an_empty_policy_lets_nothing_out() -> None:
    empty = compile_effective(Policy())
    assert ask(EDIT, policy=empty).outcome is Outcome.DENY


ACTIONS = st.builds(
    Action,
    st.sampled_from(sorted(CATALOGUE)),
    branch=st.sampled_from([None, "main", "feature/a", "x"]),
    host=st.sampled_from([None, "example.com", "example.org"]),
    environment=st.sampled_from([None, "staging", "production"]),
    paths=st.sampled_from([(), ("src/a.py",), ("src/billing/a",), ("docs/a",)]),
)
ORDER = {Outcome.ALLOW: 0, Outcome.REVIEW: 1, Outcome.DENY: 2}


@given(st.lists(ACTIONS, min_size=1, max_size=4), ACTIONS)
def test_one_more_action_never_makes_the_answer_milder(actions: list[Action], more: Action) -> None:
    assert ORDER[ask(*actions, more).outcome] >= ORDER[ask(*actions).outcome]


@given(ACTIONS)
def test_nothing_that_cannot_be_undone_is_free(action: Action) -> None:
    if CATALOGUE[action.type].default_tier is not Tier.FREE and action.type != "network.fetch":
        assert ask(action).outcome is not Outcome.ALLOW
