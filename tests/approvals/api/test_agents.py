"""What an agent is told while it waits, and that waiting never takes more than its places."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.api import waiting
from approvals.models import ApprovalRequest, Grant
from approvals.rules.waiting import retry_after
from approvals.rules.workflow import Verdict
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.services.credential import revoke_credential
from tests.approvals.asking import MERGE, ask, opened, review
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = pytest.mark.django_db(transaction=True)


def get(token: str, path: str) -> Any:
    return Client().get(f"/api/v1/agent/{path}", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps; how often it would have been."""
    pauses: list[float] = []
    monkeypatch.setattr(waiting, "sleep", pauses.append)
    return pauses


def test_a_request_that_waits_says_when_to_come_back(token: str) -> None:
    asked = opened(token)
    response = get(token, f"requests/{asked.label}")
    told = response.json()
    assert (told["state"], told["grant"], told["changes"], told["edited"]) == ("pending", None, [], None)
    assert response["Retry-After"] == str(told["retry_after"])
    assert 1 <= told["retry_after"] <= 60
    assert response["Cache-Control"] == "no-store"


def test_what_was_approved_comes_with_its_grant(organisation: Organisation, token: str) -> None:
    asked = review(opened(token), organisation.approver)
    told = get(token, f"requests/{asked.label}").json()
    assert (told["state"], told["retry_after"], told["grant"]["state"]) == ("approved", None, "issued")
    assert told["grant"]["token"].count(".") == 2
    assert ask(token).granted
    used = get(token, f"requests/{asked.label}").json()
    assert (used["usable_until"], used["grant"]["state"], used["grant"]["token"]) == (None, "redeemed", None)


def test_an_agent_that_comes_back_finds_what_it_may_do(organisation: Organisation, token: str) -> None:
    waits = opened(token, "gh pr merge 1")
    approved = review(opened(token, "gh pr merge 2"), organisation.approver)
    review(opened(token, "gh pr merge 3"), organisation.approver, Verdict.DENY)
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    opened(other, "gh pr merge 4")
    assert [one["number"] for one in get(token, "requests").json()] == [approved.label, waits.label]
    assert ask(token, "gh pr merge 2").granted
    assert [one["number"] for one in get(token, "requests").json()] == [waits.label]


def test_a_wait_ends_when_it_is_decided(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = opened(token)
    monkeypatch.setattr(waiting, "sleep", lambda _: review(asked, organisation.approver))
    told = get(token, f"requests/{asked.label}?wait=25").json()
    assert told["state"] == "approved"
    assert told["grant"]["id"] == str(Grant.objects.get().pk)


def test_a_wait_ends_with_its_time(token: str, no_pause: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = opened(token)
    ticks = iter(range(100))
    monkeypatch.setattr(waiting, "monotonic", lambda: next(ticks))
    told = get(token, f"requests/{asked.label}?wait=5")
    assert told.json()["state"] == "pending"
    assert no_pause == [waiting.EVERY] * 4
    assert told["Retry-After"]


def test_only_so_many_are_held(token: str, no_pause: list[float]) -> None:
    asked = opened(token)
    held = [waiting._places.acquire(blocking=False) for _ in range(waiting.MOST_HELD)]
    try:
        assert held == [True] * waiting.MOST_HELD
        response = get(token, f"requests/{asked.label}?wait=25")
        assert (response.status_code, response.json()["state"], no_pause) == (200, "pending", [])
        assert response["Retry-After"]
    finally:
        for _ in held:
            waiting._places.release()
    assert waiting.wait_for_news(asked, 0), "a place is free again"


def test_a_place_is_given_back_when_reading_fails(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = opened(token)
    monkeypatch.setattr(waiting, "_is_pending", lambda _: 1 / 0)
    for _ in range(waiting.MOST_HELD + 1):
        with pytest.raises(ZeroDivisionError):
            waiting.wait_for_news(asked, 1)


def test_who_lost_the_credential_while_waiting_is_told_nothing(
    organisation: Organisation, agent: Agent, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = opened(token)

    def revoke(_: float) -> None:
        credential = agent.credentials.get(revoked_at=None)
        revoke_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk)
        ApprovalRequest.objects.filter(pk=asked.pk).update(state="withdrawn")

    monkeypatch.setattr(waiting, "sleep", revoke)
    assert get(token, f"requests/{asked.label}?wait=25").status_code == 401


@pytest.mark.parametrize("wait", ["0", "26", "-1", "1.5", "x", "", "999999999999", "²"])
def test_a_wait_that_makes_no_sense_is_refused(token: str, wait: str) -> None:
    assert get(token, f"requests/{opened(token).label}?wait={wait}").status_code == 400


def test_a_call_that_was_sent_back_is_told_what_to_change(organisation: Organisation, token: str) -> None:
    asked = review(opened(token), organisation.approver, Verdict.CHANGES)
    told = get(token, f"requests/{asked.label}").json()
    assert (told["state"], told["changes"]) == ("returned", ["I have read all of it."])
    again = ask(token)
    assert again.decision.rules[0].id == "requests.sent-back"
    assert again.request is not None
    assert again.request.pk == asked.pk
    hook = {
        "session_id": "session-1",
        "cwd": "/work/payments",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": MERGE},
    }
    reply = Client().post(
        "/hooks/claude",
        json.dumps(hook),
        content_type="application/json",
        headers={
            "Authorization": f"Bearer {token}",
            "Bailiwick-Repository": "acme/payments",
            "Bailiwick-Branch": "feature/tidy",
        },
    )
    said = reply.json()["hookSpecificOutput"]
    assert said["permissionDecision"] == "deny"
    assert "I have read all of it." in said["permissionDecisionReason"]
    assert "No approval can change this" not in said["permissionDecisionReason"]
    assert ApprovalRequest.objects.count() == 1


def test_how_long_to_wait_grows_and_never_goes_past_the_end() -> None:
    opened_at = datetime(2026, 11, 21, tzinfo=UTC)
    ends = opened_at + timedelta(hours=4)
    waits = [
        retry_after(opened_at=opened_at, expires_at=ends, now=opened_at + timedelta(minutes=minutes))
        for minutes in (0, 1, 9, 10, 59, 60, 200)
    ]
    assert waits == [5, 15, 15, 60, 60, 300, 300]
    assert retry_after(opened_at=opened_at, expires_at=ends, now=ends - timedelta(seconds=2)) == 2
    assert retry_after(opened_at=opened_at, expires_at=ends, now=ends + timedelta(seconds=2)) == 1


def test_the_clock_of_the_request_is_the_databases(token: str) -> None:
    assert opened(token).opened_at <= database_now()
