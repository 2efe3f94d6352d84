"""What an agent's own reports say of a call that an approval let through becomes the grant's outcome."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from approvals.jobs.outcomes import match
from approvals.models import Grant
from approvals.rules.outcomes import outcome_of
from approvals.rules.workflow import GrantOutcome
from portal.ledger.models import Entry
from portal.subscriptions import FOLLOWERS
from tests.approvals.asking import MERGE, ask, entries, opened, review
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = pytest.mark.django_db(transaction=True)


def report(token: str, **said: Any) -> None:
    body = {
        "session_id": "session-1",
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": MERGE},
        "tool_response": {"stdout": "merged"},
        "tool_use_id": "toolu_1",
        **said,
    }
    response = Client().post(
        "/ingest/hooks/claude",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code == 200, response.content


def follow() -> Grant:
    """What the follower of the log is handed, and the grant afterwards."""
    with transaction.atomic():
        match(list(Entry.objects.filter(type="reports.event.recorded").order_by("recorded_at")))
    return Grant.objects.get()


@pytest.fixture
def used(organisation: Organisation, token: str) -> Grant:
    review(opened(token), organisation.approver)
    answer = ask(token, tool_use_id="toolu_1")
    assert answer.grant is not None
    return answer.grant


def test_the_call_is_named_with_the_grant_that_it_used(used: Grant) -> None:
    assert Grant.objects.get().tool_use_id == "toolu_1"
    assert Entry.objects.get(type="approvals.grant.redeemed").body["data"]["tool_use_id"] == "toolu_1"


def test_a_report_of_the_same_call_is_its_outcome(token: str, used: Grant) -> None:
    report(token)
    grant = follow()
    assert (grant.outcome, entries("grant.outcome")) == (GrantOutcome.SUCCEEDED, 1)
    entry = Entry.objects.get(type="approvals.grant.outcome")
    assert (entry.body["data"]["source"], entry.run_id) == ("report", used.request.run_id)
    follow()
    assert entries("grant.outcome") == 1, "the same report twice is no news"


@pytest.mark.parametrize("said", [{"hook_event_name": "PostToolUseFailure"}, {"tool_response": {"interrupted": True}}])
def test_a_failure_is_one(token: str, used: Grant, said: dict[str, Any]) -> None:
    report(token, **said)
    assert follow().outcome == GrantOutcome.FAILED


@pytest.mark.parametrize(
    "said",
    [
        {"hook_event_name": "PreToolUse"},
        {"tool_use_id": "toolu_2"},
        {"session_id": "session-2"},
        {"hook_event_name": "Notification"},
    ],
    ids=str,
)
def test_what_is_not_the_end_of_this_call_says_nothing_of_it(token: str, used: Grant, said: dict[str, Any]) -> None:
    report(token, **said)
    assert follow().outcome == ""


def test_another_agents_report_says_nothing_of_it(organisation: Organisation, used: Grant) -> None:
    report(credential_for(organisation, active_agent(organisation, "Other Refactorer")))
    assert follow().outcome == ""


def test_the_log_is_followed_for_it() -> None:
    assert FOLLOWERS["outcomes"].handle is match
    assert set(FOLLOWERS["outcomes"].types) == {"reports.event.recorded"}


def test_only_what_is_reported_after_a_call_counts() -> None:
    assert outcome_of("tool_result", "ok") is GrantOutcome.SUCCEEDED
    assert outcome_of("PreToolUse", "ok") is None
    assert outcome_of("PostToolUse", None) is None
    assert outcome_of("PostToolUse", "allowed") is None
    assert outcome_of(None, "ok") is None
