"""Who decides: the strictest of all rules, verdicts that count once, and what cannot be filled."""

from collections.abc import Mapping
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import Stage, When, WhoRule
from approvals.rules.stages import Required, blocked, required, settle, stored_stages
from approvals.rules.workflow import RequestState, ReviewFact, Verdict
from registry.rules.numbers import ApprovalRule

TEAM_ID = UUID(int=7)
GROUPS = ("team", "security", "group:release", "group:data")
PEOPLE = [UUID(int=number) for number in range(1, 8)]


def asked(book: Book, **facts: Any) -> Required:
    """What a merge of the team takes at risk 50, keywords replacing its facts."""
    known: dict[str, Any] = {
        "team_id": TEAM_ID,
        "actions": ["pr.merge"],
        "environments": ["staging"],
        "task": "upkeep",
        "risk": 50,
        "policy": ApprovalRule(),
        **facts,
    }
    return required(book, **known)


def who(*rules: WhoRule) -> Book:
    return Book(rules=rules)


stages = st.builds(
    Stage,
    st.just("A stage"),
    st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True).map(tuple),
    st.integers(1, 3),
)
whens = st.builds(
    When,
    teams=st.sampled_from([frozenset(), frozenset({TEAM_ID}), frozenset({UUID(int=8)})]),
    actions=st.sampled_from([(), ("pr.merge",), ("pr.*",), ("deploy.*",)]),
    environments=st.sampled_from([(), ("staging",), ("prod*",)]),
    tasks=st.sampled_from([(), ("upkeep",), ("release",)]),
    risk_at_least=st.sampled_from([0, 50, 51]),
)
rules = st.builds(
    WhoRule,
    id=st.text("abcdef", min_size=1, max_size=6),
    name=st.just("A rule"),
    on=st.booleans(),
    when=whens,
    stages=st.lists(stages, max_size=3, unique_by=lambda stage: stage.who).map(tuple),
    expires_minutes=st.none() | st.integers(1, 120),
    grant_minutes=st.none() | st.integers(1, 20),
)
several = st.lists(rules, max_size=5, unique_by=lambda rule: rule.id)


@given(several, rules)
def test_one_more_rule_never_makes_a_decision_easier(some: list[WhoRule], one: WhoRule) -> None:
    """Every stage of before is still there and needs at least as many, and there is never more time."""
    others = [rule for rule in some if rule.id != one.id]
    before, after = asked(who(*others)), asked(who(*others, one))
    quorums = {stage.who: stage.quorum for stage in after.stages}
    for stage in before.stages:
        assert quorums[stage.who] >= stage.quorum
    assert after.quorum >= before.quorum
    assert after.expires_minutes <= before.expires_minutes
    assert after.grant_minutes <= before.grant_minutes


@given(several, st.randoms())
def test_the_order_of_rules_means_nothing(some: list[WhoRule], chance: Any) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert [(stage.who, stage.quorum) for stage in asked(who(*some)).stages] == [
        (stage.who, stage.quorum) for stage in asked(who(*shuffled)).stages
    ]


@given(several, st.integers(1, 5))
def test_the_policys_own_stage_comes_first_and_is_never_lowered(some: list[WhoRule], quorum: int) -> None:
    first = asked(who(*some), policy=ApprovalRule(quorum=quorum)).stages[0]
    assert first.who == {"team", "security"}
    assert first.quorum >= quorum


def one(when: When) -> Book:
    return who(WhoRule(id="one", name="One", when=when, stages=(Stage("S", ("security",), 1),)))


@pytest.mark.parametrize(
    ("when", "facts", "counts"),
    [
        (When(), {}, True),
        (When(teams=frozenset({TEAM_ID})), {}, True),
        (When(teams=frozenset({UUID(int=9)})), {}, False),
        (When(actions=("deploy.*",)), {"actions": ["read", "deploy.staging"]}, True),
        (When(actions=("deploy.*",)), {"actions": ["deployment"]}, False),
        (When(environments=("prod*",)), {"environments": ["Production"]}, True),
        (When(environments=("prod*",)), {"environments": ["staging"]}, False),
        (When(environments=("prod*",)), {"environments": ["staging", "production"]}, True),
        (When(environments=("prod*",)), {"environments": []}, True),
        (When(tasks=("release",)), {}, False),
        (When(tasks=("release",)), {"task": None}, True),
        (When(risk_at_least=50), {}, True),
        (When(risk_at_least=51), {}, False),
        (When(actions=("pr.merge",), risk_at_least=51), {}, False),
    ],
)
def test_a_rule_counts_when_all_that_it_says_holds(when: When, facts: dict[str, Any], counts: bool) -> None:
    """What is not stated is no way round a rule that names some."""
    assert (asked(one(when), **facts).rules == ("one",)) is counts


def test_a_rule_that_is_off_adds_nothing() -> None:
    off = WhoRule(id="off", name="Off", on=False, stages=(Stage("S", ("security",), 3),), expires_minutes=1)
    assert asked(who(off)) == asked(who())


def approvals(*votes: tuple[int, str]) -> list[ReviewFact]:
    return [ReviewFact(PEOPLE[human], Verdict.APPROVE, group) for human, group in votes]


TWO = (Stage("Team", ("team", "security"), 1), Stage("Security", ("security",), 1))


def test_stages_open_one_after_the_other() -> None:
    nobody = settle(TWO, [])
    assert (nobody.state, nobody.stage, nobody.given) == (None, 0, (0, 0))
    first = settle(TWO, approvals((0, "team")))
    assert (first.state, first.stage, first.given) == (None, 1, (1, 0))
    both = settle(TWO, approvals((0, "team"), (1, "security")))
    assert (both.state, both.given) == (RequestState.APPROVED, (1, 1))
    assert both.places == {PEOPLE[0]: 0, PEOPLE[1]: 1}


def test_the_team_alone_does_not_fill_the_stage_of_security() -> None:
    settled = settle(TWO, approvals((0, "team"), (1, "team")))
    assert (settled.state, settled.stage) == (None, 1)


def test_somebody_of_two_groups_counts_once() -> None:
    """The same natural person in both stages is one person."""
    settled = settle(TWO, [*approvals((0, "team")), *approvals((0, "security"))])
    assert settled.state is None
    assert sum(settled.given) == 1


def test_one_no_ends_it_before_any_number_of_approvals() -> None:
    full = approvals((0, "team"), (1, "security"))
    sent_back = ReviewFact(PEOPLE[2], Verdict.CHANGES, "team")
    denied = ReviewFact(PEOPLE[3], Verdict.DENY, "team")
    assert settle(TWO, [*full, sent_back]).state is RequestState.RETURNED
    assert settle(TWO, [*full, sent_back, denied]).state is RequestState.DENIED


def test_what_was_taken_back_does_not_count() -> None:
    assert settle(TWO, [ReviewFact(PEOPLE[0], Verdict.RETRACT, "team")]).given == (0, 0)


@pytest.mark.parametrize("quorum", [0, -1, True, None, "1", "1 ", 1.0, 1.9])
def test_a_quorum_that_asks_nobody_is_no_quorum(quorum: Any) -> None:
    with pytest.raises(ValueError, match="quorum"):
        Stage("S", ("team",), quorum)
    with pytest.raises(ValueError, match="quorum"):
        stored_stages([{"name": "S", "groups": ["team"], "quorum": quorum}])


@pytest.mark.parametrize("document", [[], None, {}, [{"name": "S", "groups": ["team"]}], [{"groups": [], "quorum": 1}]])
def test_stages_that_ask_nobody_cannot_be_read(document: Any) -> None:
    with pytest.raises(ValueError, match=r"stage|quorum"):
        stored_stages(document)


def test_without_a_stage_nothing_is_ever_approved() -> None:
    with pytest.raises(ValueError, match="at least one stage"):
        settle([], approvals((0, "team")))


eligible = st.dictionaries(st.sampled_from(GROUPS), st.frozensets(st.sampled_from(PEOPLE[:5]), max_size=4))
few = st.lists(stages, min_size=1, max_size=3, unique_by=lambda stage: stage.who)


def fillable(asked_for: list[Stage], people: Mapping[UUID, frozenset[str]]) -> bool:
    """By trying every way to seat everybody at some stage or none."""
    humans = sorted(people)
    for places in product([None, *range(len(asked_for))], repeat=len(humans)):
        seated = [0] * len(asked_for)
        for human, place in zip(humans, places, strict=True):
            if place is not None and not people[human].isdisjoint(asked_for[place].groups):
                seated[place] += 1
        if all(count >= stage.quorum for count, stage in zip(seated, asked_for, strict=True)):
            return True
    return False


@given(few, eligible)
def test_what_is_blocked_is_what_no_seating_fills(asked_for: list[Stage], there: dict[str, frozenset[UUID]]) -> None:
    people = {
        human: frozenset(key for key in there if human in there[key]) for humans in there.values() for human in humans
    }
    assert (blocked(asked_for, there) is None) is fillable(asked_for, people)


@given(few, st.lists(st.tuples(st.integers(0, 4), st.sampled_from(GROUPS)), max_size=5, unique_by=lambda vote: vote[0]))
def test_approved_is_what_some_seating_of_the_votes_fills(asked_for: list[Stage], votes: list[tuple[int, str]]) -> None:
    people = {PEOPLE[human]: frozenset({group}) for human, group in votes}
    approved = settle(asked_for, approvals(*votes)).state is RequestState.APPROVED
    assert approved is fillable(asked_for, people)


@given(few, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(GROUPS)), max_size=7, unique_by=lambda vote: vote[0]))
def test_every_stage_before_the_open_one_is_full(asked_for: list[Stage], votes: list[tuple[int, str]]) -> None:
    settled = settle(asked_for, approvals(*votes))
    assert all(settled.given[place] == asked_for[place].quorum for place in range(settled.stage))
    assert len(settled.places) == sum(settled.given)


def test_the_sentence_names_what_is_missing() -> None:
    two = (Stage("Release", ("group:release",), 2),)
    there = {"group:release": frozenset(PEOPLE[:1])}
    assert blocked(two, there) == "The stage “Release” needs 2 people, and only 1 person can decide it."
    assert blocked(two, {}) == "The stage “Release” needs 2 people, and nobody can decide it."
    both = (Stage("A", ("team",), 1), Stage("B", ("security",), 1))
    same = {"team": frozenset(PEOPLE[:1]), "security": frozenset(PEOPLE[:1])}
    assert blocked(both, same) == (
        "The stages “A” and “B” need 2 different people together, and only 1 person can decide them."
    )


def test_who_has_voted_counts_where_they_voted() -> None:
    both = (Stage("A", ("team", "security"), 1), Stage("B", ("security",), 1))
    there = {"team": frozenset(PEOPLE[:1]), "security": frozenset(PEOPLE[1:2])}
    assert blocked(both, there) is None
    assert blocked(both, {"team": there["team"]}, approvals((1, "security"))) is None
    assert blocked(both, {"security": frozenset()}, approvals((1, "security"))) is not None
