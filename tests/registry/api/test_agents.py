"""The registry's API: 404 for what is out of sight, 403 for what is not one's to do, 409 for what is too late."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.api.models import IdempotencyKey
from portal.identity.models import Person
from portal.identity.services.tokens import issue_token
from registry.models import Agent, Credential, KillOrder
from registry.rules.kill import ScopeKind
from registry.selectors.kills import standing_of
from registry.services.kill import order_kill
from tests.organisation import Organisation, active_agent, draft_agent, policy_document
from tests.sign_in import sign_in

DRAFT = {"name": "Docs Writer", "team": "payments", "platform": "claude_code", "purpose": "Writes documentation."}


def _send(client: Client, path: str, body: Any = None, *, method: str = "post", **headers: str) -> Any:
    return client.generic(
        method.upper(), f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )


def _as(client: Client, person: Person) -> Client:
    client.force_login(person)
    return client


def _fresh(person: Person) -> Client:
    """Somebody who has just signed in."""
    client = Client()
    sign_in(client, person)
    return client


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    return _as(client, organisation.manager)


def test_a_token_of_a_person_has_that_persons_sight(client: Client, organisation: Organisation, agent: Agent) -> None:
    for person, status in ((organisation.member, 200), (organisation.outsider, 404)):
        _, token = issue_token(person=person, name="cli", days=1)
        answer = client.get(f"/api/v1/agents/{agent.slug}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    assert client.get("/api/v1/agents").status_code == 401
    assert client.get("/api/v1/agents")["Content-Type"] == "application/problem+json"


def test_draft_to_active(manager: Client, organisation: Organisation) -> None:
    made = _send(manager, "agents", {**DRAFT, "policy": policy_document()})
    assert made.status_code == 201
    assert made.json()["state"] == "draft"
    early = _send(manager, "agents/docs-writer/register")
    assert early.status_code == 400
    assert [fault["pointer"] for fault in early.json()["errors"]] == ["/accountable_person"]
    full = {**DRAFT, "accountable_person": str(organisation.member.pk)}
    assert _send(manager, "agents/docs-writer", full, method="put").json()["accountable_person"]["name"] == "Eli Member"
    done = _send(manager, "agents/docs-writer/register")
    assert (done.status_code, done.json()["state"], done.json()["revision"]) == (200, "active", 1)
    assert "answered for by Eli Member" in done.json()["charter"]
    assert _send(manager, "agents/docs-writer/register").status_code == 409
    assert _send(manager, "agents/docs-writer", full, method="put").status_code == 409


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "nul\0"}, "/"),
        ({"platform": "abacus"}, "/platform"),
        ({"team": "platform"}, "/team"),
        ({"team": "nowhere"}, "/team"),
        ({"accountable_person": "someone"}, "/accountable_person"),
        ({"limit": 5}, "/limit"),
        ({"policy": []}, "/policy"),
    ],
)
def test_faults_are_named(manager: Client, change: dict[str, Any], pointer: str) -> None:
    answer = _send(manager, "agents", {**DRAFT, **change})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    if pointer != "/":
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not Agent.objects.exists()


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "null", "{", '{"name": 1, "name": 2}'])
def test_a_body_that_is_no_object_is_refused(manager: Client, agent: Agent, body: str) -> None:
    for path in ("agents", f"agents/{agent.slug}/credentials", f"agents/{agent.slug}/policy/revisions", "kills"):
        assert manager.post(f"/api/v1/{path}", body, content_type="application/json").status_code == 400


def test_a_name_in_use_is_a_conflict(manager: Client, organisation: Organisation) -> None:
    draft_agent(organisation, "Docs Writer")
    assert _send(manager, "agents", DRAFT).status_code == 409


def test_asking_twice_creates_once(manager: Client) -> None:
    first = _send(manager, "agents", DRAFT, **{"Idempotency-Key": "k1"})
    second = _send(manager, "agents", DRAFT, **{"Idempotency-Key": "k1"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert Agent.objects.count() == 1


def test_a_token_is_in_one_answer_and_in_no_table(manager: Client, organisation: Organisation, agent: Agent) -> None:
    path = f"agents/{agent.slug}/credentials"
    assert _send(manager, path, {"name": "ci", "days": 7}).json()["code"] == "step-up-required"
    manager.logout()
    sign_in(manager, organisation.manager)
    issued = _send(manager, path, {"name": "ci", "days": 7}, **{"Idempotency-Key": "k2"})
    assert issued.status_code == 201
    token = issued.json()["token"]
    assert token.startswith("bwa_")
    assert not IdempotencyKey.objects.exists()
    listed = manager.get(f"/api/v1/{path}")
    assert token not in listed.content.decode()
    assert "digest" not in listed.json()["results"][0]
    identifier = issued.json()["id"]
    assert _send(manager, f"{path}/{identifier}/revoke").json()["revoked_at"]
    assert Credential.objects.get().revoked_at is not None


@pytest.mark.parametrize(
    ("who", "status"), [("member", 403), ("approver", 403), ("auditor", 403), ("outsider", 404), ("operator", 404)]
)
def test_who_may_not(client: Client, organisation: Organisation, agent: Agent, who: str, status: int) -> None:
    order = order_kill(actor=organisation.security, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    draft = draft_agent(organisation, "Docs Writer")
    _as(client, organisation.people[who])
    home = f"agents/{agent.slug}"
    tighter = {"based_on": 1, "document": policy_document(environments=[])}
    for path, body, method in (
        (f"{home}/credentials", {"name": "ci"}, "post"),
        (f"{home}/policy/revisions", tighter, "post"),
        (f"agents/{draft.slug}/register", {}, "post"),
        ("kills", {"kind": "agent", "target": agent.slug, "reason": "no"}, "post"),
        (f"kills/{order.number}/agreements", {"reason": "no"}, "post"),
    ):
        answer = _send(client, path, body, method=method)
        assert answer.status_code == status, path
        assert answer.json()["code"] == ("not-allowed" if status == 403 else "not-found")
    assert KillOrder.objects.count() == 1


def test_tightening_widening_and_too_late(manager: Client, organisation: Organisation, agent: Agent) -> None:
    path = f"agents/{agent.slug}/policy/revisions"
    made = _send(manager, path, {"based_on": 1, "document": policy_document(environments=["test"])})
    assert (made.status_code, made.json()["number"]) == (201, 2)
    late = _send(manager, path, {"based_on": 1, "document": policy_document(environments=[])})
    assert late.status_code == 409
    wider = _send(manager, path, {"based_on": 2, "document": policy_document()})
    assert (wider.status_code, wider.json()["errors"][0]["pointer"]) == (403, "/scope/environments")
    bad = _send(manager, path, {"based_on": 2, "document": {"scope": {"hosts": [7]}}})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (400, "/scope/hosts/0")
    assert manager.get(f"/api/v1/agents/{agent.slug}/policy").json()["number"] == 2
    assert [row["number"] for row in manager.get(f"/api/v1/{path}").json()["results"]] == [2, 1]


def test_stop_and_resume(client: Client, organisation: Organisation, agent: Agent) -> None:
    _as(client, organisation.manager)
    order = _send(client, "kills", {"kind": "agent", "target": str(agent.pk), "reason": "it misbehaves"})
    assert (order.status_code, order.json()["state"], order.json()["needed"]) == (201, "active", 2)
    agreements = f"kills/{order.json()['number']}/agreements"
    assert _send(client, agreements, {"reason": "mine"}).status_code == 403
    assert client.get(f"/api/v1/agents/{agent.slug}").json()["stopped"] is True
    _, token = issue_token(person=organisation.security, name="cli", days=1)
    for console, headers in (
        (_as(client, organisation.security), {}),
        (Client(), {"Authorization": f"Bearer {token}"}),
    ):
        stale = _send(console, agreements, {"reason": "seen"}, **headers)
        assert (stale.status_code, stale.json()["code"]) == (403, "step-up-required")
    _send(_fresh(organisation.second_manager), agreements, {"reason": "seen"})
    client = _fresh(organisation.security)
    ended = _send(client, agreements, {"reason": "seen"})
    assert (ended.json()["state"], len(ended.json()["agreements"])) == ("resumed", 2)
    assert _send(client, agreements, {"reason": "seen"}).status_code == 409
    assert standing_of(agent).stopped_by == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "all", "target": "payments", "reason": "x"}, 400),
        ({"kind": "agent", "reason": "x"}, 400),
        ({"kind": "run", "target": "x", "reason": "x"}, 400),
        ({"kind": "all", "reason": " "}, 400),
        ({"kind": "all"}, 400),
        ({"kind": "agent", "target": "nobody", "reason": "x"}, 404),
        ({"kind": "team", "target": "nowhere", "reason": "x"}, 400),
    ],
)
def test_a_stop_that_names_nothing_stops_nothing(
    client: Client, organisation: Organisation, body: dict[str, str], status: int
) -> None:
    assert _send(_as(client, organisation.security), "kills", body).status_code == status
    assert not KillOrder.objects.exists()


def test_lists_page_and_cost_the_same(
    manager: Client, organisation: Organisation, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    active_agent(organisation, "Agent 00")
    with django_assert_num_queries(7):
        manager.get("/api/v1/agents")
    for number in range(1, 51):
        draft_agent(organisation, f"Agent {number:02}")
    with django_assert_num_queries(7):
        page = manager.get("/api/v1/agents").json()
    assert len(page["results"]) == 50
    following = manager.get(page["next"]).json()
    assert [row["name"] for row in following["results"]] == ["Agent 00"]
    assert [row["name"] for row in manager.get("/api/v1/agents?state=active").json()["results"]] == ["Agent 00"]
    assert manager.get("/api/v1/agents?q=%00&cursor=nonsense").status_code == 404


@pytest.mark.parametrize(
    "reference", ["%00", "a%00b", "..", "%F0%9F", "x" * 3000, "00000000-0000-7000-8000-000000000000"]
)
def test_a_strange_reference_is_simply_not_found(manager: Client, reference: str) -> None:
    for path in (f"agents/{reference}", f"agents/{reference}/policy", f"agents/{reference}/credentials"):
        assert manager.get(f"/api/v1/{path}").status_code == 404
