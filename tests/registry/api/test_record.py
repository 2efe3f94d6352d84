"""The record over the API: the same services, the same refusals."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.identity.models import Person
from registry.models import Agent, Finding, OwnershipTransfer
from registry.rules.papers import MOST_BYTES
from tests.organisation import Organisation, active_agent, credential_for, draft_agent, policy_document
from tests.registry.recording import PDF, attached, noticed, offered


def _send(client: Client, path: str, body: Any = None, *, method: str = "post", **headers: str) -> Any:
    return client.generic(
        method.upper(), f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )


def _as(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    client.force_login(organisation.manager)
    return client


def test_a_draft_says_deputy_and_links(manager: Client, organisation: Organisation) -> None:
    link = {"label": "Runbook", "url": "https://wiki.test/x"}
    body = {
        "name": "Docs Writer",
        "team": "payments",
        "platform": "codex",
        "purpose": "Writes.",
        "accountable_person": str(organisation.manager.pk),
        "deputy": str(organisation.member.pk),
        "links": [link],
        "policy": policy_document(),
    }
    made = _send(manager, "agents", body).json()
    assert (made["deputy"]["name"], made["links"]) == ("Eli Member", [link])
    wrong = _send(manager, "agents", {**body, "name": "Other", "deputy": str(organisation.outsider.pk)})
    assert [fault["pointer"] for fault in wrong.json()["errors"]] == ["/deputy"]
    bad = _send(manager, "agents", {**body, "name": "Other", "links": [{"label": "x", "url": "javascript:x"}]})
    assert [fault["pointer"] for fault in bad.json()["errors"]] == ["/links"]
    assert _send(manager, "agents/docs-writer", method="delete").status_code == 204
    assert not Agent.objects.exists()


def test_a_registered_agent_is_changed_in_parts(manager: Client, agent: Agent) -> None:
    path = f"agents/{agent.slug}"
    changed = _send(manager, path, {"purpose": "Only tests.", "reason": "Smaller."}, method="patch")
    assert (changed.status_code, changed.json()["purpose"]) == (200, "Only tests.")
    assert changed.json()["data_touched"] == agent.data_touched
    assert _send(manager, path, {"purpose": "No reason."}, method="patch").status_code == 400
    assert _send(manager, path, {"state": "retired", "reason": "x"}, method="patch").status_code == 400
    assert _send(manager, path, method="delete").status_code == 409


def test_suspend_reinstate_retire(manager: Client, organisation: Organisation, agent: Agent) -> None:
    path = f"agents/{agent.slug}"
    credential_for(organisation, agent)
    assert _send(_as(organisation.member), f"{path}/suspend", {"reason": "x"}).status_code == 403
    assert _send(_as(organisation.outsider), f"{path}/suspend", {"reason": "x"}).status_code == 404
    assert _send(manager, f"{path}/suspend", {"reason": "odd"}).json()["state"] == "suspended"
    assert _send(manager, f"{path}/suspend", {"reason": "odd"}).status_code == 409
    assert _send(manager, f"{path}/reinstate", {"reason": "fine"}).json()["state"] == "active"
    assert _send(manager, f"{path}/retire", {}).status_code == 400
    gone = _send(manager, f"{path}/retire", {"reason": "done"}).json()
    assert (gone["state"], gone["state_reason"]) == ("retired", "done")


def test_owners_and_their_change(manager: Client, organisation: Organisation, agent: Agent) -> None:
    path = f"agents/{agent.slug}/owners"
    body = {"accountable_person": str(organisation.member.pk), "reason": "Leave."}
    assert _send(manager, path, {**body, "deputy": str(organisation.outsider.pk)}).status_code == 400
    assert _send(manager, path, body).json()["accountable_person"]["name"] == "Eli Member"
    assert [row["accountable_person"]["name"] for row in manager.get(f"/api/v1/{path}").json()] == [
        "Eli Member",
        "Ada Manager",
    ]


def test_a_hand_over(manager: Client, organisation: Organisation, agent: Agent) -> None:
    made = _send(manager, f"agents/{agent.slug}/transfer", {"to_team": "platform", "reason": "Yours."})
    assert made.status_code == 201
    assert _send(manager, f"agents/{agent.slug}/transfer", {"to_team": "nowhere", "reason": "x"}).status_code == 400
    transfer = OwnershipTransfer.objects.get()
    receiver = _as(organisation.outsider)
    path = f"transfers/{transfer.pk}"
    assert receiver.get(f"/api/v1/{path}").json()["agent"] == agent.slug
    assert [one["id"] for one in receiver.get("/api/v1/transfers").json()["results"]] == [str(transfer.pk)]
    body = {"accountable_person": str(organisation.outsider.pk)}
    assert _send(manager, f"{path}/accept", {"accountable_person": str(organisation.outsider.pk)}).status_code == 403
    assert _send(receiver, f"{path}/accept", {"accountable_person": str(organisation.member.pk)}).status_code == 400
    # The same key gives the same answer: nothing is done twice.
    first = _send(receiver, f"{path}/accept", body, **{"Idempotency-Key": "k"})
    again = _send(receiver, f"{path}/accept", body, **{"Idempotency-Key": "k"})
    assert first.status_code == again.status_code == 200
    assert first.json()["owner_team"]["slug"] == "platform"
    assert again["Idempotent-Replayed"] == "true"
    assert _send(receiver, f"{path}/decline", {"reason": "x"}).status_code == 409


@pytest.mark.parametrize(
    ("who", "act", "state"), [("outsider", "decline", "declined"), ("manager", "withdraw", "withdrawn")]
)
def test_an_offer_ends(organisation: Organisation, agent: Agent, who: str, act: str, state: str) -> None:
    path = f"transfers/{offered(organisation, agent).pk}/{act}"
    assert _send(_as(organisation.operator), path, {"reason": "x"}).status_code == 404
    assert _send(_as(organisation.people[who]), path, {"reason": "x"}).json()["state"] == state


def test_documents_are_sent_as_they_are(manager: Client, organisation: Organisation, agent: Agent) -> None:
    path = f"/api/v1/agents/{agent.slug}/documents"
    address = f"{path}?name=Report&kind=test_report&file_name=r.pdf&expires_on=2030-01-01"
    made = manager.generic("POST", address, PDF, content_type="application/octet-stream")
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert [one["sha256"] for one in manager.get(path).json()] == [made.json()["sha256"]]
    answer = manager.get(f"{path}/{made.json()['id']}")
    assert (answer.content, answer["Content-Disposition"]) == (PDF, 'attachment; filename="r.pdf"')
    large = manager.generic("POST", address, b"%PDF-" + b"x" * MOST_BYTES, content_type="application/octet-stream")
    assert large.status_code == 413
    assert manager.generic("POST", address, "{}", content_type="application/json").status_code == 415
    assert manager.generic("POST", f"{path}?name=x", PDF, content_type="application/octet-stream").status_code == 400
    assert (
        _as(organisation.member).generic("POST", address, PDF, content_type="application/octet-stream").status_code
        == 403
    )
    other = attached(organisation, active_agent(organisation, "Other"))
    assert manager.get(f"{path}/{other.pk}").status_code == 404


def test_findings(manager: Client, organisation: Organisation, agent: Agent) -> None:
    found = noticed(agent)
    (one,) = manager.get("/api/v1/findings").json()["results"]
    assert (one["id"], one["kind"], one["agent"]) == (str(found.pk), "activity_after_stop", agent.slug)
    assert manager.get("/api/v1/findings?kind=team_empty").json()["results"] == []
    assert _as(organisation.outsider).get("/api/v1/findings").json()["results"] == []
    path = f"findings/{found.pk}/close"
    assert _send(_as(organisation.member), path, {"reason": "x"}).status_code == 403
    assert _send(manager, path, {"reason": "A test."}).json()["close_reason"] == "A test."
    assert _send(manager, path, {"reason": "A test."}).status_code == 409
    assert Finding.objects.get().closed_by == organisation.manager


def test_on_call(manager: Client, organisation: Organisation) -> None:
    assert _send(manager, "teams/payments/on-call", {"on_call": "+49"}, method="put").status_code == 200
    organisation.payments.refresh_from_db()
    assert organisation.payments.on_call == "+49"
    assert _send(_as(organisation.member), "teams/payments/on-call", {"on_call": ""}, method="put").status_code == 403


def test_a_list_costs_the_same_for_one_and_for_twenty(
    manager: Client, organisation: Organisation, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        draft_agent(organisation, f"Agent {number}")
    with django_assert_max_num_queries(15):
        assert len(manager.get("/api/v1/agents").json()["results"]) == 20
