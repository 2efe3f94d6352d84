"""Requests over the API: what is listed, what a review needs, what is refused, and asking twice."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import RequestState
from approvals.selectors.reviewing import blocked_sentence
from portal.identity.models import Person
from portal.identity.services.tokens import issue_token
from registry.services.lifecycle import suspend_agent
from tests.approvals.asking import ask, opened, review
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def client_of(person: Person) -> Client:
    _, text = issue_token(person=person, name="tests", days=7)
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)


def verdict(asked: ApprovalRequest, **change: Any) -> dict[str, Any]:
    return {"verdict": "approve", "reason": "I read it.", "view_hash": bytes(asked.view_hash).hex(), **change}


def post(client: Client, asked: ApprovalRequest, body: Any, verb: str = "reviews", **headers: str) -> Any:
    return client.post(f"/api/v1/requests/{asked.label}/{verb}", body, content_type="application/json", headers=headers)


def test_list_and_retrieve(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    opened(token, session_id="session-2")
    client = client_of(organisation.approver)
    listed = client.get("/api/v1/requests?state=pending&agent=payments-refactorer").json()
    assert [row["number"] for row in listed["results"]] == ["AR-2", "AR-1"]
    assert client.get("/api/v1/requests?state=approved").json()["results"] == []
    assert client.get("/api/v1/requests?agent=%00").json()["results"] == []
    assert client.get("/api/v1/requests?state=x").status_code == 400
    one = client.get(f"/api/v1/requests/{asked.label}").json()
    assert one["view_hash"] == bytes(asked.view_hash).hex()
    assert one["view"]["action"]["arguments"]["command"] == "gh pr merge 7 --squash"
    assert client_of(organisation.outsider).get("/api/v1/requests").json()["results"] == []


@pytest.mark.parametrize("number", ["AR-999", "AR-0", "AR-99999999999999999999"])
def test_a_number_that_is_nobodys(organisation: Organisation, token: str, number: str) -> None:
    """R69: what does not exist and what is not yours to see answer alike."""
    answer = client_of(organisation.approver).get(f"/api/v1/requests/{number}")
    asked = opened(token)
    hidden = client_of(organisation.outsider).get(f"/api/v1/requests/{asked.label}")
    assert (answer.status_code, hidden.status_code) == (404, 404)
    assert answer.json()["detail"] == hidden.json()["detail"]


def test_a_review_by_token(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    answer = post(client_of(organisation.approver), asked, verdict(asked))
    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["grant"]["state"]) == ("approved", "issued")
    assert ask(token).granted


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"verdict": "APPROVE"}, 400),
        ({"verdict": None}, 400),
        ({"reason": ""}, 400),
        ({"reason": "a\u0000bcd"}, 400),
        ({"view_hash": "0" * 64}, 409),
        ({"view_hash": "xyz"}, 400),
        ({"quorum": 0}, 400),
        ({"state": "approved"}, 400),
        ({"person": "someone"}, 400),
    ],
    ids=str,
)
def test_a_review_that_is_not_one(organisation: Organisation, token: str, change: dict[str, Any], status: int) -> None:
    """R50, R70, B08: mass assignment, NUL, another view: refused with a problem, and nothing recorded."""
    asked = opened(token)
    answer = post(client_of(organisation.approver), asked, verdict(asked, **change))
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert Review.objects.count() == 0


def test_whoever_may_not(organisation: Organisation, token: str) -> None:
    """R02, R04, R15, R69."""
    asked = opened(token, initiator="approver@example.test")
    for person, status in (
        (organisation.approver, 403),
        (organisation.manager, 403),
        (organisation.auditor, 403),
        (organisation.outsider, 404),
        (organisation.operator, 404),
    ):
        assert post(client_of(person), asked, verdict(asked)).status_code == status, person
    agents = Client(headers={"Authorization": f"Bearer {token}"})
    assert post(agents, asked, verdict(asked)).status_code == 401
    assert Review.objects.count() == 0


def test_asked_again_with_the_same_key(organisation: Organisation, pair_token: str) -> None:
    """R47: one vote; the same answer again; another body under the key is refused."""
    asked = opened(pair_token)
    client = client_of(organisation.approver)
    first = post(client, asked, verdict(asked), **{"Idempotency-Key": "k"})
    again = post(client, asked, verdict(asked), **{"Idempotency-Key": "k"})
    other = post(client, asked, verdict(asked, verdict="deny"), **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert Review.objects.count() == 1


def test_what_cannot_be_undone_needs_a_fresh_proof(organisation: Organisation, token: str) -> None:
    """R65: a token never approves it, a browser only with a fresh proof; denying needs none."""
    asked = opened(token, "git push --force origin feature/tidy")
    refused = post(client_of(organisation.approver), asked, verdict(asked))
    assert (refused.status_code, refused.json()["code"]) == (403, "step-up-required")
    stale = Client()
    stale.force_login(organisation.approver)
    assert post(stale, asked, verdict(asked)).json()["code"] == "step-up-required"
    fresh = Client()
    sign_in(fresh, organisation.approver)
    assert post(fresh, asked, verdict(asked)).status_code == 201
    other = opened(token, "git push --force origin feature/tidy", session_id="session-2")
    assert post(client_of(organisation.approver), other, verdict(other, verdict="deny")).status_code == 201


def test_taking_it_back(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    assert post(client_of(organisation.approver), asked, {}, "withdraw").status_code == 403
    answer = post(client_of(organisation.second_manager), asked, {}, "withdraw")
    assert (answer.status_code, answer.json()["state"]) == (200, RequestState.WITHDRAWN.value)
    assert post(client_of(organisation.second_manager), asked, {}, "withdraw").status_code == 409


def test_an_agent_polls_until_it_may(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    address = f"/api/v1/agent/requests/{asked.label}"
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(address).json()["state"] == "pending"
    review(asked, organisation.approver)
    assert client.get(address).json()["usable_until"] is not None
    assert ask(token).granted
    told = client.get(address).json()
    assert (told["state"], told["usable_until"]) == ("approved", None)


def test_the_state_is_as_of_now(organisation: Organisation, token: str) -> None:
    """As the pages say it, whether or not the sweep has come by: a suspended agent's approvals are dead."""
    waiting, approved = opened(token), review(opened(token, "gh pr merge 8 --squash"), organisation.approver)
    client = client_of(organisation.approver)
    suspend_agent(actor=organisation.manager, agent=waiting.agent, reason="It misbehaves.")
    told = client.get(f"/api/v1/requests/{waiting.label}").json()
    assert (told["state"], told["state_reason"]) == ("voided", "The agent is suspended.")
    assert ApprovalRequest.objects.get(pk=waiting.pk).state == "pending"
    told = client.get(f"/api/v1/requests/{approved.label}").json()
    assert (told["state"], told["grant"]["state"]) == ("approved", "voided")
    browser = Client()
    sign_in(browser, organisation.approver)
    page = browser.get(f"/approvals/{approved.label}/").content.decode()
    assert "It is dead: the agent is suspended." in page
    assert "stopped and resumed" not in page


def test_blocked_says_why(organisation: Organisation, token: str) -> None:
    client, asked = client_of(organisation.auditor), opened(token)

    def said() -> tuple[str | None, str | None]:
        """Of the one request, and of it in the list."""
        row = next(one for one in client.get("/api/v1/requests").json()["results"] if one["number"] == asked.label)
        return client.get(f"/api/v1/requests/{asked.label}").json()["blocked"], row["blocked"]

    assert said() == (None, None)
    deciders = [organisation.approver.pk, organisation.second_approver.pk, organisation.security.pk]
    Person.objects.filter(pk__in=deciders).update(is_active=False)
    sentence = blocked_sentence(asked)
    assert sentence
    assert said() == (sentence, sentence)
    # What has ended is blocked by nothing any more: written down, or overtaken and not yet.
    ApprovalRequest.objects.filter(pk=asked.pk).update(state=RequestState.WITHDRAWN.value)
    assert said() == (None, None)
    ApprovalRequest.objects.filter(pk=asked.pk).update(state=RequestState.PENDING.value, expires_at=asked.opened_at)
    assert said() == (None, None)


def test_the_list_says_the_state_as_of_now_and_is_narrowed_by_it(organisation: Organisation, token: str) -> None:
    waiting, late, stopped = (opened(token, f"gh pr merge {number} --squash") for number in (7, 8, 9))
    ApprovalRequest.objects.filter(pk=late.pk).update(expires_at=late.opened_at)
    ApprovalRequest.objects.filter(pk=stopped.pk).update(epoch=stopped.epoch + 1)
    client = client_of(organisation.approver)
    for asked, state in ((waiting, "pending"), (late, "expired"), (stopped, "voided")):
        listed = client.get(f"/api/v1/requests?state={state}").json()["results"]
        one = client.get(f"/api/v1/requests/{asked.label}").json()
        assert [(row["number"], row["state"]) for row in listed] == [(asked.label, state)]
        assert one["state"] == state
        assert bool(listed[0]["state_reason"]) == (state != "pending")
    assert {row["state"] for row in client.get("/api/v1/requests").json()["results"]} == {
        "pending",
        "expired",
        "voided",
    }


def test_a_long_list_costs_as_many_queries_as_a_short_one(organisation: Organisation, token: str) -> None:
    policy = policy_document()
    policy["approval"]["quorum"] = 3
    careful = credential_for(organisation, active_agent(organisation, "Careful Refactorer", policy))
    client = client_of(organisation.auditor)

    def cost() -> int:
        client.get("/api/v1/requests")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/api/v1/requests").status_code == 200
        return len(queries)

    def one_more(number: int) -> None:
        review(opened(careful, session_id=f"session-{number}"), organisation.approver)
        opened(token, session_id=f"session-{number}")

    one_more(0)
    short = cost()
    for number in range(1, 6):
        one_more(number)
    assert cost() == short
