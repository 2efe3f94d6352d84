"""What an exception opens, what overdue debt does to each tier, and what makes two requests alike."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from approvals.rules.authorize import authorize
from approvals.rules.canary import TEMPLATES, Surroundings, filled
from approvals.rules.classify import classify
from approvals.rules.decision import Effect, Outcome, Question, Rule, Standing
from approvals.rules.exceptions import (
    ExceptionKind,
    ExceptionState,
    ExceptionStatus,
    Opening,
    covers,
    may_become,
    review_due,
    status,
)
from approvals.rules.precedent import key_of, kind_of_target
from registry.rules.effective import compile_effective
from registry.rules.policy import template

AGENT = UUID(int=7)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MERGE = Opening("EX-1", frozenset({"pr.merge"}))
POLICY = compile_effective(template())


def gate(rule: str) -> Rule:
    return Rule(rule, Effect.GATE, "Gated.")


@pytest.mark.parametrize(
    ("opening", "actions", "rules", "around", "opened"),
    [
        (MERGE, {"pr.merge"}, ["tier.pr.merge"], {}, True),
        (MERGE, {"pr.merge", "read"}, ["tier.pr.merge"], {}, True),
        (MERGE, {"pr.merge", "pr.open"}, ["tier.pr.merge", "tier.pr.open"], {}, False),
        (MERGE, {"pr.merge", "unknown"}, ["tier.pr.merge"], {}, False),
        (MERGE, {"pr.merge"}, ["tier.pr.merge", "composition.other"], {}, False),
        (MERGE, {"pr.merge"}, ["tier.pr.merge", "limits.files"], {}, False),
        (MERGE, {"read"}, ["standing.debt"], {}, False),
        (MERGE, {"pr.merge"}, [], {}, False),
        (MERGE, set(), ["tier.pr.merge"], {}, False),
        (Opening("EX-1", frozenset({"push.protected"})), {"push.protected"}, ["scope.branch.protected"], {}, True),
        (Opening("EX-1", frozenset({"push.protected"})), {"commit"}, ["scope.branch.protected"], {}, False),
        (Opening("EX-1", frozenset({"network.fetch"})), {"network.fetch"}, ["scope.host.outside"], {}, True),
        (
            Opening("EX-1", frozenset({"network.fetch"})),
            {"network.fetch", "network.write"},
            ["scope.host.outside"],
            {},
            False,
        ),
        (Opening("EX-1", MERGE.actions, "Acme/Payments"), {"pr.merge"}, ["tier.pr.merge"], {}, True),
        (Opening("EX-1", MERGE.actions, "acme/other"), {"pr.merge"}, ["tier.pr.merge"], {}, False),
        (
            Opening("EX-1", MERGE.actions, "acme/payments"),
            {"pr.merge"},
            ["tier.pr.merge"],
            {"repository": None},
            False,
        ),
        (Opening("EX-1", MERGE.actions, "", "staging"), {"pr.merge"}, ["tier.pr.merge"], {"at": {"staging"}}, True),
        (Opening("EX-1", MERGE.actions, "", "staging"), {"pr.merge"}, ["tier.pr.merge"], {"at": {None}}, False),
        (
            Opening("EX-1", MERGE.actions, "", "staging"),
            {"pr.merge"},
            ["tier.pr.merge"],
            {"at": {"staging", "production"}},
            False,
        ),
    ],
)
def test_it_opens_the_gates_of_its_actions_and_no_other(
    opening: Opening, actions: set[str], rules: list[str], around: dict[str, object], opened: bool
) -> None:
    found = covers(
        opening,
        actions=actions,
        rules=[gate(rule) for rule in rules],
        repository=around.get("repository", "acme/payments"),  # type: ignore[arg-type]  # a name or None
        environments=around.get("at", {None}),  # type: ignore[arg-type]  # names or None
    )
    assert found is opened


@pytest.mark.parametrize(
    ("command", "without", "within"),
    [
        ("git status", Outcome.ALLOW, Outcome.REVIEW),
        ("gh pr merge 7", Outcome.REVIEW, Outcome.DENY),
        ("cat .env", Outcome.DENY, Outcome.DENY),
    ],
)
def test_overdue_debt_makes_each_tier_one_stricter(command: str, without: Outcome, within: Outcome) -> None:
    actions = classify("Bash", {"command": command}, cwd="/work/payments").actions
    question = Question(actions=actions, repository="acme/payments", branch="feature/x", tool="Bash")
    policy = compile_effective(template().__class__.from_document(_policy()))
    answers = [
        authorize(question, policy, Standing("active", credential_ok=True, debt=debt)).outcome for debt in (None, 3)
    ]
    assert answers == [without, within]


def _policy() -> dict[str, Any]:
    document: dict[str, Any] = template().to_document()
    document["scope"]["repositories"] = ["acme/payments"]
    return document


def test_a_stop_is_told_before_debt() -> None:
    question = Question(actions=classify("Bash", {"command": "ls"}, cwd="/work").actions)
    answer = authorize(question, POLICY, Standing("active", credential_ok=True, stopped_by=("all",), debt=3))
    assert [rule.id for rule in answer.rules] == ["standing.stopped.all"]


@pytest.mark.parametrize("state", list(ExceptionState))
def test_what_is_settled_stays_settled(state: ExceptionState) -> None:
    final = {ExceptionState.REFUSED, ExceptionState.WITHDRAWN, ExceptionState.CLOSED}
    assert any(may_become(state, target) for target in ExceptionState) is (state not in final)
    assert not may_become(state, ExceptionState.ASKED)


@given(after=some.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40)))
def test_at_its_end_it_is_shut_and_at_its_due_date_overdue(after: timedelta) -> None:
    ends_at = NOW + timedelta(hours=1)
    due = review_due(ExceptionKind.BREAK_GLASS, granted_at=NOW, ends_at=ends_at)
    found = status(
        ExceptionKind.BREAK_GLASS,
        ExceptionState.GRANTED,
        asked_at=NOW,
        ends_at=ends_at,
        review_due_at=due,
        now=NOW + after,
    )
    expected = ExceptionStatus.OPEN if NOW + after < ends_at else ExceptionStatus.ENDED
    assert found is (ExceptionStatus.OVERDUE if NOW + after >= due else expected)
    assert due == NOW + timedelta(hours=24)


@given(number=some.integers(min_value=0), other=some.integers(min_value=0))
def test_requests_that_differ_in_numbers_alone_are_alike(number: int, other: int) -> None:
    keys = {
        key_of(agent_id=AGENT, tool="Bash", actions=["pr.merge"], resource=f"pull request {one}", repository="a/b")
        for one in (number, other)
    }
    assert len(keys) == 1


def test_another_agent_tool_action_target_or_place_is_not_alike() -> None:
    base: dict[str, Any] = {
        "agent_id": AGENT,
        "tool": "Bash",
        "actions": ["pr.merge"],
        "resource": "x",
        "repository": "acme/a",
    }
    others: list[dict[str, Any]] = [
        {"agent_id": UUID(int=8)},
        {"tool": "Edit"},
        {"actions": ["pr.merge", "push.force"]},
        {"resource": "y"},
        {"repository": "acme/b"},
        {"environment": "production"},
    ]
    keys = [key_of(**{**base, **other}) for other in ({}, *others)]
    assert len(set(keys)) == len(keys)
    assert key_of(**{**base, "repository": "ACME/A"}) == keys[0]
    assert kind_of_target("fix  0123456abc at 12") == "fix # at #"


@given(repository=some.text(max_size=60), branch=some.text(max_size=60))
@pytest.mark.parametrize("key", sorted(TEMPLATES))
def test_no_name_of_a_repository_changes_what_a_canary_asks(key: str, repository: str, branch: str) -> None:
    """Names come from agents: filled in, they are one word each and add no command."""
    plain = filled(TEMPLATES[key], Surroundings())["command"]
    command = filled(TEMPLATES[key], Surroundings(repository=repository, branch=branch))["command"]
    assert len(shlex.split(command)) == len(shlex.split(plain))
