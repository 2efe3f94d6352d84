"""The catalogue, the tiers, the agent's life, run ids and kill arithmetic, as tables."""

from itertools import product
from uuid import UUID, uuid4

import pytest

from registry.rules import kill
from registry.rules.actions import BASELINE, CATALOGUE, Reversibility, action_type
from registry.rules.kill import EnforcementPoint, KillError, ScopeKind, worst_case
from registry.rules.lifecycle import (
    TRANSITIONS,
    AgentState,
    AgentVerb,
    IllegalMove,
    advance,
    may_act,
    verbs_in,
)
from registry.rules.runs import run_id
from registry.rules.tiers import Tier, strictest

KEYS = {
    "read", "search", "test", "lint", "build", "edit.file", "commit", "branch.create", "push.branch",
    "pr.draft", "pr.open", "pr.merge", "push.protected", "push.force", "tag.push", "dependency.change",
    "ci.change", "infra.change", "migration.change", "deploy.staging", "deploy.production", "network.fetch",
    "network.write",
    "package.publish", "secret.read", "access.change", "policy.change", "process.kill", "file.delete",
    "outside.repository", "unknown",
}  # fmt: skip
FORBIDDEN = {"secret.read", "access.change", "policy.change", "outside.repository", "deploy.production"}
FREE = {"read", "search", "test", "lint", "build", "edit.file", "commit"}
FREE |= {"branch.create", "push.branch", "pr.draft"}
ALICE, BEN, CARA = (UUID(int=number) for number in (1, 2, 3))


def test_the_catalogue_holds_exactly_the_agreed_keys() -> None:
    assert set(CATALOGUE) == KEYS


def test_default_tiers_are_the_tight_template() -> None:
    assert {key for key, action in CATALOGUE.items() if action.default_tier is Tier.FREE} == FREE
    assert {key for key, action in CATALOGUE.items() if action.default_tier is Tier.FORBIDDEN} == FORBIDDEN


@pytest.mark.parametrize("action", CATALOGUE.values(), ids=lambda action: action.key)
def test_each_action_is_explained_in_one_sentence(action: object) -> None:
    explain = action.explain  # type: ignore[attr-defined]
    assert explain.endswith(".")
    assert explain.count(". ") == 0
    assert explain[0].isupper()


def test_baseline_never_frees_the_irreversible_the_unknown_or_the_forbidden() -> None:
    assert {key for key in BASELINE if BASELINE[key] is Tier.FORBIDDEN} == FORBIDDEN
    for key, action in CATALOGUE.items():
        assert BASELINE[key].rank <= action.default_tier.rank
        if action.reversibility is Reversibility.IRREVERSIBLE:
            assert BASELINE[key] is not Tier.FREE
    assert BASELINE["unknown"] is Tier.GATED


def test_an_action_nobody_knows_is_unknown() -> None:
    assert action_type("rocket.launch") is CATALOGUE["unknown"]


def test_strictest_wins_in_either_order() -> None:
    for first, second in product(Tier, Tier):
        assert strictest(first, second) is strictest(second, first)
        assert strictest(first, second).rank == max(first.rank, second.rank)
    assert strictest(Tier.FREE, Tier.GATED, Tier.FORBIDDEN) is Tier.FORBIDDEN


LEGAL = {
    ("draft", "activate"): "active",
    ("draft", "retire"): "retired",
    ("active", "suspend"): "suspended",
    ("active", "retire"): "retired",
    ("suspended", "reinstate"): "active",
    ("suspended", "retire"): "retired",
}


@pytest.mark.parametrize(("state", "verb"), list(product(AgentState, AgentVerb)))
def test_each_edge_is_taken_or_refused(state: AgentState, verb: AgentVerb) -> None:
    expected = LEGAL.get((state.value, verb.value))
    if expected is not None:
        assert advance(state, verb) == expected
        assert verb in verbs_in(state)
        return
    with pytest.raises(IllegalMove) as caught:
        advance(state, verb)
    assert (caught.value.state, caught.value.verb) == (state, verb)
    assert state.value in str(caught.value)
    assert verb not in verbs_in(state)


def test_retired_is_final_and_only_active_may_act() -> None:
    assert len(TRANSITIONS) == len(LEGAL)
    assert verbs_in(AgentState.RETIRED) == ()
    assert [state for state in AgentState if may_act(state)] == [AgentState.ACTIVE]


def test_run_id_is_fixed_for_ever() -> None:
    assert run_id(UUID(int=7), "session-1") == UUID("b4367404-7b22-593c-939b-d916bf8ebf05")
    assert run_id(UUID(int=7), "session-1").version == 5


def test_run_id_differs_by_agent_and_by_exact_session() -> None:
    ids = {run_id(agent, session) for agent in (ALICE, BEN) for session in ("a", "A", " a", "a ", "")}
    assert len(ids) == 10


def test_scope_keys_read_back() -> None:
    some = uuid4()
    scopes: dict[ScopeKind, UUID | str | None] = {
        ScopeKind.ALL: None,
        ScopeKind.ACTION: "push.branch",
        ScopeKind.REPOSITORY: "git.acme.test/tools/payments",
    }
    for kind in ScopeKind:
        scope = scopes.get(kind, some)
        assert kill.parse_scope_key(kill.scope_key(kind, scope)) == (kind, scope)
    always = ("all", f"team:{BEN}", f"agent:{ALICE}", f"drill:{ALICE}")
    assert kill.keys_over(agent_id=ALICE, team_id=BEN) == always


def test_a_call_is_also_under_its_run_actions_and_repository() -> None:
    keys = kill.keys_over(
        agent_id=ALICE,
        team_id=BEN,
        run_id=BEN,
        actions=("read", "commit", "read"),
        repository="https://github.com/Acme/Payments.git",
    )
    assert keys[4:] == (f"run:{BEN}", "action:commit", "action:read", "repository:acme/payments")
    assert [kill.parse_scope_key(key) and key for key in keys] == list(keys)
    # What has no normal form is in no scope, and so refused without a key of its own.
    assert len(kill.keys_over(agent_id=ALICE, team_id=BEN, repository="acme/../payments")) == 4


@pytest.mark.parametrize(
    "key",
    [
        "",
        "all:",
        "ALL",
        "team",
        "team:",
        "team:x",
        "run:session-1",
        f"agent:{ALICE.hex}",
        f"drill:{ALICE.hex}",
        "action:",
        "action:Push",
        "action:push..branch",
        "repository:",
        "repository:Acme/Payments",
        "repository:https://github.com/acme/payments",
        "repository:acme",
        "elsewhere:x",
        f"all:{ALICE}",
        " all",
    ],
)
def test_other_scope_keys_are_refused(key: str) -> None:
    with pytest.raises(KillError):
        kill.parse_scope_key(key)


def test_scope_key_wants_an_id_exactly_where_one_belongs() -> None:
    with pytest.raises(KillError):
        kill.scope_key(ScopeKind.ALL, ALICE)
    with pytest.raises(KillError):
        kill.scope_key(ScopeKind.TEAM)


def test_a_stop_at_any_level_changes_the_combined_epoch() -> None:
    for epochs in product(range(4), repeat=3):
        for place in range(3):
            after = [kill.next_epoch(epoch) if at == place else epoch for at, epoch in enumerate(epochs)]
            assert kill.combined_epoch(after) > kill.combined_epoch(epochs)


@pytest.mark.parametrize("epoch", [-1, True])
def test_an_epoch_is_a_count(epoch: int) -> None:
    with pytest.raises(KillError):
        kill.next_epoch(epoch)


def test_a_transfer_never_lowers_the_combined_epoch() -> None:
    for agent, old, new in product(range(5), repeat=3):
        moved = kill.epoch_after_transfer(agent_epoch=agent, old_team_epoch=old, new_team_epoch=new)
        assert moved + new > agent + old
        assert moved > agent


def test_two_others_resume() -> None:
    assert not kill.resume_agreed(ordered_by=ALICE, agreed=[])
    assert not kill.resume_agreed(ordered_by=ALICE, agreed=[BEN, BEN])
    assert not kill.resume_agreed(ordered_by=ALICE, agreed=[ALICE, BEN])
    assert kill.resume_agreed(ordered_by=ALICE, agreed=[BEN, CARA])
    assert kill.may_agree(ALICE, ordered_by=ALICE, agreed=[]) is not None
    assert kill.may_agree(BEN, ordered_by=ALICE, agreed=[BEN]) is not None
    assert kill.may_agree(CARA, ordered_by=ALICE, agreed=[BEN]) is None


def test_worst_case_is_the_slowest_point_and_never_a_guess() -> None:
    asks = EnforcementPoint("the hook", 0, answer_seconds=5)
    leased = EnforcementPoint("the gateway", 30, answer_seconds=1)
    silent = EnforcementPoint("the old script", None)
    assert worst_case([]).seconds is None
    assert worst_case([asks], clock_skew_seconds=2).seconds == 5
    assert worst_case([asks, leased], clock_skew_seconds=2).seconds == 33
    assert "the gateway" in worst_case([asks, leased]).because
    assert worst_case([leased, silent, asks]).seconds is None
    assert "the old script" in worst_case([leased, silent, asks]).because
