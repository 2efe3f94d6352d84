"""Granted against used: what the recorded checks needed, counted per entry, and zero only where it was counted."""

from datetime import timedelta
from typing import Any

import pytest

from approvals.jobs.count_use import count_all, count_one
from approvals.services.check import Call, decide
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, ScopeUse
from registry.rules.recertification import TIERS, Granted
from registry.selectors.usage import use_of
from registry.services.usage import Use, store_usage
from tests.approvals.asking import ask
from tests.organisation import Organisation, active_agent, credential_for, draft_agent, policy_document

pytestmark = pytest.mark.django_db


def _counts(agent: Agent) -> dict[tuple[str, str], int | None]:
    table = use_of(Agent.objects.select_related("revision").get(pk=agent.pk))
    return {(row.granted.pointer, row.granted.entry): row.count for row in [*table.entries, *table.actions]}


def _policy() -> dict[str, Any]:
    return policy_document(
        repositories=["acme/payments", "acme/ledger-*", "acme/never"],
        branches_allowed=["feature/**", "fix/**"],
        paths_allowed=["src/**", "docs/**", "src/app/*.py"],
        environments=["test", "staging"],
        hosts=["docs.example.com", "*.example.org"],
        models=["claude-*", "openai/gpt-*"],
        tools=["Bash", "Read", "mcp__github__*"],
        commands_allowed=["git", "pytest", "curl", "cat"],
        credentials=["deploy-key"],
    )


def test_each_entry_counts_the_checks_that_needed_it(organisation: Organisation) -> None:
    agent = active_agent(organisation, "Counted", policy=_policy())
    token = credential_for(organisation, agent)
    ask(token, "pytest -q")
    ask(token, "git commit -m x", model="claude-opus-4")
    ask(token, "git status", repository="acme/ledger-core", branch="fix/rounding", model="gpt-5", provider="openai")
    ask(token, "curl https://docs.example.com/a", environment="test", credential="deploy-key")
    ask(token, "cat src/app/main.py")
    read = Call(tool="Read", tool_input={"file_path": "/work/payments/docs/a.md"}, session_id="s", cwd="/work/payments")
    decide(token=token, call=read)
    count_one(agent.pk)
    counts = _counts(agent)
    assert {key: count for key, count in counts.items() if key[0] == "/scope/repositories"} == {
        ("/scope/repositories", "acme/payments"): 4,
        ("/scope/repositories", "acme/ledger-*"): 1,
        ("/scope/repositories", "acme/never"): 0,
    }
    assert counts["/scope/branches_allowed", "feature/**"] == 1, "only a commit or a push needs its branch"
    assert counts["/scope/paths_allowed", "src/**"] == counts["/scope/paths_allowed", "src/app/*.py"] == 1
    assert counts["/scope/paths_allowed", "docs/**"] == 1
    assert counts["/scope/environments", "test"] == 1
    assert counts["/scope/environments", "staging"] == 0
    assert counts["/scope/hosts", "docs.example.com"] == 1
    assert counts["/scope/hosts", "*.example.org"] == 0
    assert counts["/scope/models", "claude-*"] == 1
    assert counts["/scope/models", "openai/gpt-*"] == 1
    assert counts["/scope/tools", "Bash"] == 5
    assert counts["/scope/tools", "mcp__github__*"] == 0
    assert counts["/scope/commands_allowed", "git"] == 2
    assert counts["/scope/credentials", "deploy-key"] == 1
    assert counts[TIERS, "test"] == 1
    assert counts[TIERS, "commit"] == 1
    assert counts[TIERS, "pr.open"] == 0


def test_a_refused_check_used_nothing(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    refused = ask(token, "cat .env")
    assert refused.decision.outcome.value == "deny"
    count_one(agent.pk)
    assert _counts(agent)["/scope/repositories", "acme/payments"] == 0


def test_it_says_when_last_and_over_what(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    ask(token, "pytest -q")
    between = database_now()
    ask(token, "pytest -q")
    now = database_now()
    count_one(agent.pk, now)
    table = use_of(Agent.objects.select_related("revision").get(pk=agent.pk))
    row = next(row for row in table.entries if row.granted.entry == "acme/payments")
    assert row.count == 2
    assert row.last_used_at is not None
    assert between < row.last_used_at < now
    assert (table.counted_at, table.counted_since) == (now, now - timedelta(days=90))


def test_what_was_not_counted_yet_is_not_zero(organisation: Organisation, agent: Agent) -> None:
    before = use_of(agent)
    assert before.counted_at is None
    assert {row.count for row in [*before.entries, *before.actions]} == {None}
    assert before.unused == 0
    count_one(agent.pk)
    after = use_of(agent)
    assert {row.count for row in [*after.entries, *after.actions]} == {0}
    assert after.unused == len(after.entries) + len(after.actions)


def test_an_entry_that_came_after_the_count_is_not_counted(organisation: Organisation, agent: Agent) -> None:
    count_one(agent.pk)
    ScopeUse.objects.filter(agent=agent, entry="acme/payments").delete()
    assert _counts(agent)["/scope/repositories", "acme/payments"] is None


def test_the_night_counts_every_agent_that_has_a_policy(organisation: Organisation, agent: Agent) -> None:
    other = active_agent(organisation, "Other", policy=policy_document(repositories=["acme/other"]))
    draft = draft_agent(organisation, "Draft")
    ask(credential_for(organisation, other), "pytest -q", repository="acme/other")
    assert count_all() == 2
    assert _counts(other)["/scope/repositories", "acme/other"] == 1
    assert _counts(agent)["/scope/repositories", "acme/payments"] == 0
    assert not ScopeUse.objects.filter(agent=draft).exists()


def test_checks_beyond_the_window_are_not_counted(organisation: Organisation, agent: Agent) -> None:
    ask(credential_for(organisation, agent), "pytest -q")
    count_one(agent.pk, database_now() + timedelta(days=91))
    assert _counts(agent)["/scope/repositories", "acme/payments"] == 0


def test_a_count_replaces_the_earlier_one_and_never_a_later_one(organisation: Organisation, agent: Agent) -> None:
    now = database_now()
    entry = Granted("/scope/repositories", "acme/payments")
    store_usage(agent_id=agent.pk, uses={entry: Use(5, now)}, since=now - timedelta(days=90), at=now)
    earlier = now - timedelta(hours=1)
    store_usage(agent_id=agent.pk, uses={entry: Use(1, earlier)}, since=earlier - timedelta(days=90), at=earlier)
    assert _counts(agent)[entry.pointer, entry.entry] == 5
    later = now + timedelta(hours=1)
    store_usage(agent_id=agent.pk, uses={}, since=later - timedelta(days=90), at=later)
    assert not ScopeUse.objects.filter(agent=agent).exists()


@pytest.mark.django_db(transaction=True)
def test_what_was_erased_still_shows_what_stands_in_clear(organisation: Organisation, agent: Agent, erase: Any) -> None:
    run = ask(credential_for(organisation, agent), "pytest -q").run_id
    erase(f"run:{run}")
    count_one(agent.pk)
    counts = _counts(agent)
    assert counts["/scope/repositories", "acme/payments"] == 1
    assert counts[TIERS, "test"] == 1
