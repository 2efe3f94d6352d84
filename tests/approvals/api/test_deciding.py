"""Deciding over the API: taking back, commenting, editing, several at once; the refusals of each edge, asked twice."""

from typing import Any

import psycopg
import pytest
from django.test import Client

from approvals.models import ApprovalRequest, Comment, Grant, Review
from approvals.rules.workflow import RequestState
from tests.approvals.api.test_requests import client_of, post, verdict
from tests.approvals.asking import ask, opened, review
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]
REBASE = "gh pr merge 7 --rebase"


def edit_of(asked: ApprovalRequest, **change: Any) -> dict[str, Any]:
    view_hash = bytes(asked.view_hash).hex()
    return {"tool_input": {"command": REBASE}, "reason": "We rebase.", "view_hash": view_hash, **change}


def batch_of(*requests: ApprovalRequest, **change: Any) -> dict[str, Any]:
    items = [{"number": one.label, "view_hash": bytes(one.view_hash).hex()} for one in requests]
    return {"items": items, "verdict": "approve", "reason": "All alike.", **change}


def post_batch(client: Client, body: Any, **headers: str) -> Any:
    return client.post("/api/v1/requests/batch", body, content_type="application/json", headers=headers)


def test_asking_for_changes(organisation: Organisation, token: str) -> None:
    """Sent back: the agent that repeats the same call is told what to change."""
    asked = opened(token)
    body = verdict(asked, verdict="changes", reason="Merge with --rebase instead.")
    answer = post(client_of(organisation.approver), asked, body)
    assert (answer.status_code, answer.json()["state"]) == (201, "returned")
    again = ask(token)
    assert (again.decision.outcome, again.granted) == ("deny", False)
    assert "Merge with --rebase instead." in again.decision.sentence


def test_no_verdict_takes_back(organisation: Organisation, token: str) -> None:
    """``retract`` is what the record says of undoing; it is not given as a verdict."""
    asked = opened(token)
    answer = post(client_of(organisation.approver), asked, verdict(asked, verdict="retract"))
    assert (answer.status_code, Review.objects.count()) == (400, 0)


def test_undo(organisation: Organisation, token: str) -> None:
    asked = review(opened(token), organisation.approver)
    client = client_of(organisation.approver)
    answer = post(client, asked, {}, "undo", **{"Idempotency-Key": "u"})
    assert (answer.status_code, answer.json()["state"], answer.json()["grant"]["state"]) == (200, "voided", "voided")
    assert [one["verdict"] for one in answer.json()["reviews"]] == ["approve", "retract"]
    assert post(client, asked, {}, "undo", **{"Idempotency-Key": "u"}).json() == answer.json()
    late = post(client, asked, {}, "undo")
    assert (late.status_code, late.json()["code"]) == (409, "invalid-transition")


@pytest.mark.parametrize(("who", "status"), [("second_approver", 403), ("auditor", 403), ("outsider", 404)])
def test_undo_of_another(organisation: Organisation, token: str, who: str, status: int) -> None:
    asked = review(opened(token), organisation.approver)
    assert post(client_of(organisation.people[who]), asked, {}, "undo").status_code == status
    assert ask(token).granted


def test_comments(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    client = client_of(organisation.member)
    first = post(client, asked, {"text": "Why on a Friday?"}, "comments", **{"Idempotency-Key": "c"})
    post(client, asked, {"text": "Why on a Friday?"}, "comments", **{"Idempotency-Key": "c"})
    assert (first.status_code, first.json()["person"], Comment.objects.count()) == (201, "Eli Member", 1)
    shown = client.get(f"/api/v1/requests/{asked.label}").json()
    assert [one["text"] for one in shown["comments"]] == ["Why on a Friday?"]
    assert post(client, asked, {"text": "a\u0000b"}, "comments").status_code == 400
    assert post(client, asked, {"text": "x", "person": "someone"}, "comments").status_code == 400
    assert post(client_of(organisation.auditor), asked, {"text": "I watch."}, "comments").status_code == 403
    assert post(client_of(organisation.outsider), asked, {"text": "Hello."}, "comments").status_code == 404


def test_edit(organisation: Organisation, token: str) -> None:
    """I8: editing approves nothing; what was made is read, and reviewed with the hash of its own view."""
    asked = opened(token)
    client = client_of(organisation.approver)
    answer = post(client, asked, edit_of(asked), "edits")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["replaces"], body["view"]["action"]["arguments"]["command"]) == (
        "pending",
        asked.label,
        REBASE,
    )
    assert (body["reviews"], body["grant"]) == ([], None)
    original = client.get(f"/api/v1/requests/{asked.label}").json()
    assert (original["state"], original["replaced_by"]) == ("replaced", body["number"])
    assert not ask(token, REBASE).granted
    edited = ApprovalRequest.objects.get(replaces=asked)
    stale = post(client, edited, verdict(edited, view_hash=bytes(asked.view_hash).hex()))
    assert (stale.status_code, stale.json()["code"]) == (409, "stale-view")
    assert post(client, edited, verdict(edited, view_hash=body["view_hash"])).json()["state"] == "approved"
    assert ask(token, REBASE).granted


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"view_hash": "0" * 64}, 409),
        ({"reason": ""}, 400),
        ({"tool_input": {"command": "gh pr merge 7 --squash"}}, 400),
        ({"tool_input": "rm -rf /"}, 400),
        ({"tool_input": {"command": "git push --force origin main"}}, 422),
        ({"tool": "Write"}, 400),
        ({"digest": "0" * 64}, 400),
    ],
    ids=str,
)
def test_an_edit_that_is_refused(organisation: Organisation, token: str, change: dict[str, Any], status: int) -> None:
    """R30, R70: nothing but the input of the same tool can be changed, and into nothing worse."""
    asked = opened(token)
    answer = post(client_of(organisation.approver), asked, edit_of(asked, **change), "edits")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert list(ApprovalRequest.objects.values_list("state", flat=True)) == [RequestState.PENDING]


def test_an_edit_by_the_wrong_person_or_too_late(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    assert post(client_of(organisation.manager), asked, edit_of(asked), "edits").status_code == 403
    assert post(client_of(organisation.outsider), asked, edit_of(asked), "edits").status_code == 404
    review(asked, organisation.approver)
    assert post(client_of(organisation.second_approver), asked, edit_of(asked), "edits").status_code == 409


def test_a_token_edits_what_needs_a_fresh_proof_and_does_not_approve_it(organisation: Organisation, token: str) -> None:
    """Editing lets nothing through, so it takes no proof; approving what came of it takes the one that it took."""
    asked = opened(token, "git push --force origin feature/tidy")
    body = edit_of(asked, tool_input={"command": "git push --force-with-lease origin feature/tidy"})
    answer = post(client_of(organisation.approver), asked, body, "edits")
    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    edited = ApprovalRequest.objects.get(replaces=asked)
    refused = post(client_of(organisation.approver), edited, verdict(edited))
    assert (refused.status_code, refused.json()["code"]) == (403, "step-up-required")
    assert not Grant.objects.exists()


def test_high_risk_takes_a_passkey_that_neither_token_nor_session_is(
    organisation: Organisation, token: str, super_connection: Super
) -> None:
    """R65: a session that was proved a moment ago does not do, a batch neither; saying no needs nothing."""
    asked = opened(token)
    super_connection.execute("UPDATE approvals_approvalrequest SET step_up = 'passkey'")
    browser = Client(raise_request_exception=False)
    sign_in(browser, organisation.approver)
    for client in (browser, client_of(organisation.approver)):
        answer = post(client, asked, verdict(asked))
        assert (answer.status_code, answer.json()["code"]) == (403, "passkey-required")
        assert post_batch(client, batch_of(asked)).status_code == 409
    page = browser.post(f"/approvals/{asked.label}/review/", verdict(asked, reason="I read all of it."))
    assert (page.status_code, "I read all of it." in page.content.decode()) == (403, True)
    assert Review.objects.count() == 0
    assert post(client_of(organisation.approver), asked, verdict(asked, verdict="deny")).status_code == 201


def test_batch(organisation: Organisation, token: str) -> None:
    requests = [opened(token, session_id=f"s-{number}") for number in range(2)]
    answer = post_batch(client_of(organisation.approver), batch_of(*requests), **{"Idempotency-Key": "b"})
    again = post_batch(client_of(organisation.approver), batch_of(*requests), **{"Idempotency-Key": "b"})
    assert [(one["number"], one["state"]) for one in answer.json()] == [("AR-1", "approved"), ("AR-2", "approved")]
    assert again.json() == answer.json()
    assert (Review.objects.count(), Grant.objects.count()) == (2, 2)


def test_a_batch_with_one_changed_item(organisation: Organisation, token: str) -> None:
    """R50: 409 that names it with the difference, and nothing recorded of the others."""
    requests = [opened(token, session_id=f"s-{number}") for number in range(2)]
    body = batch_of(*requests)
    body["items"][1]["view_hash"] = "0" * 64
    answer = post_batch(client_of(organisation.approver), body)
    assert (answer.status_code, answer.json()["code"]) == (409, "batch-refused")
    assert [one["number"] for one in answer.json()["items"]] == ["AR-2"]
    assert Review.objects.count() == 0


@pytest.mark.parametrize(
    "change",
    [{"items": []}, {"items": [{"number": "1", "view_hash": "0" * 64}]}, {"verdict": "retract"}, {"reason": "x"}],
    ids=str,
)
def test_a_batch_that_is_none(organisation: Organisation, token: str, change: dict[str, Any]) -> None:
    asked = opened(token)
    assert post_batch(client_of(organisation.approver), batch_of(asked, **change)).status_code == 400


def test_a_batch_with_one_of_another_team(organisation: Organisation, token: str) -> None:
    """B46, R69: all refused, as if the number were nobody's."""
    asked = opened(token)
    assert post_batch(client_of(organisation.outsider), batch_of(asked)).status_code == 404
    body = batch_of(asked)
    body["items"].append({"number": "AR-999", "view_hash": "0" * 64})
    assert post_batch(client_of(organisation.approver), body).status_code == 404
    assert Review.objects.count() == 0


@pytest.mark.parametrize("verb", ["reviews", "undo", "comments", "edits", "withdraw"])
def test_nothing_changes_by_another_method(organisation: Organisation, token: str, verb: str) -> None:
    """I10, R60, R61: also with a method override that names POST."""
    asked = opened(token)
    client = client_of(organisation.approver)
    for method in ("get", "head", "options", "put", "patch", "delete"):
        answer = getattr(client, method)(
            f"/api/v1/requests/{asked.label}/{verb}?_method=POST", headers={"X-HTTP-Method-Override": "POST"}
        )
        assert answer.status_code in {200, 405}, method
    asked.refresh_from_db()
    assert (asked.state, Review.objects.count(), Comment.objects.count()) == (RequestState.PENDING, 0, 0)


def test_a_session_without_csrf_token_decides_nothing(organisation: Organisation, token: str) -> None:
    """R60: for a browser's session each endpoint wants the token."""
    asked = opened(token)
    client = Client()
    sign_in(client, organisation.approver)
    client.handler.enforce_csrf_checks = True
    for verb, body in (
        ("reviews", verdict(asked)),
        ("edits", edit_of(asked)),
        ("comments", {"text": "x"}),
        ("undo", {}),
    ):
        assert post(client, asked, body, verb).status_code == 403
    assert post_batch(client, batch_of(asked)).status_code == 403
    assert Review.objects.count() == 0
