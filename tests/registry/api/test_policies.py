"""Policies and proposals over the API: the same services, the same refusals."""

from typing import Any

import pytest
from django.test import Client

from portal.identity.models import Person
from registry.models import Agent, PolicyRevision
from registry.selectors.policies import ORGANISATION, Subject, revision_in_force
from tests.organisation import Organisation, policy_document
from tests.registry.policies import WIDER, backtested, propose, said_by_organisation
from tests.sign_in import sign_in

CHANGE = {"based_on": 1, "document": WIDER, "reason": "it must reach it"}


def _send(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def _as(client: Client, person: Person) -> Client:
    client.force_login(person)
    return client


def test_tighter_at_once_and_wider_proposed(client: Client, organisation: Organisation, agent: Agent) -> None:
    _as(client, organisation.manager)
    path = f"agents/{agent.slug}/policy"
    tighter = {"based_on": 1, "document": policy_document(environments=["test"]), "reason": "an audit"}
    made = _send(client, path, tighter)
    assert (made.status_code, made.json()["number"], made.json()["reason"]) == (201, 2, "an audit")
    wider = _send(client, path, {**CHANGE, "based_on": 2})
    assert (wider.status_code, wider.json()["state"], wider.json()["seal"]) == (202, "open", None)
    again = _send(client, path, {**CHANGE, "based_on": 2})
    assert (again.status_code, again.json()["proposal"]) == (409, wider.json()["number"])
    assert _send(client, path, CHANGE).status_code == 409
    detail = client.get(f"/api/v1/proposals/{wider.json()['number']}").json()
    assert {one["direction"] for one in detail["changes"]} == {"widened"}
    assert [one["number"] for one in client.get("/api/v1/proposals?state=open").json()["results"]] == [detail["number"]]
    assert client.get("/api/v1/proposals?state=nonsense").status_code == 400


@pytest.mark.parametrize("missing", ["reason", "based_on", "document"])
def test_a_change_says_all_of_it(client: Client, organisation: Organisation, agent: Agent, missing: str) -> None:
    body = {name: value for name, value in CHANGE.items() if name != missing}
    assert _send(_as(client, organisation.manager), f"agents/{agent.slug}/policy", body).status_code == 400
    assert _send(client, f"agents/{agent.slug}/policy", {**CHANGE, "more": 1}).status_code == 400


def test_approving_over_the_api(client: Client, organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    path = f"proposals/{proposal.number}/approve"
    said = {"seal": bytes(proposal.seal or b"").hex(), "reason": "seen"}
    stale = _send(_as(client, organisation.second_manager), path, said)
    assert (stale.status_code, stale.json()["code"]) == (403, "step-up-required")
    client.logout()
    sign_in(client, organisation.second_manager)
    other = _send(client, path, {**said, "seal": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "stale-view")
    assert other.json()["difference"][0]["now"] == said["seal"]
    assert _send(client, path, {**said, "seal": "zz"}).status_code == 400
    done = _send(client, path, said)
    assert (done.status_code, done.json()["state"], done.json()["revision"]) == (200, "approved", 2)
    assert client.get(f"/api/v1/agents/{agent.slug}/policy").json()["approved_by"]["name"] == "Ben Manager"
    assert _send(client, path, said).status_code == 409


def test_the_author_is_told_why_not(client: Client, organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    sign_in(client, organisation.manager)
    said = {"seal": bytes(proposal.seal or b"").hex(), "reason": "mine"}
    refused = _send(client, f"proposals/{proposal.number}/approve", said)
    assert (refused.status_code, refused.json()["reason"]) == (403, "author")
    assert _send(client, f"proposals/{proposal.number}/refuse", {"reason": "mine"}).status_code == 403
    gone = _send(client, f"proposals/{proposal.number}/withdraw", {})
    assert (gone.status_code, gone.json()["state"]) == (200, "withdrawn")
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


def test_refusing(client: Client, organisation: Organisation, agent: Agent) -> None:
    proposal = propose(organisation.manager, agent)
    path = f"proposals/{proposal.number}/refuse"
    assert _send(_as(client, organisation.auditor), path, {"reason": "no"}).status_code == 403
    assert _send(_as(client, organisation.outsider), path, {"reason": "no"}).status_code == 404
    done = _send(_as(client, organisation.security), path, {"reason": "too wide"})
    assert (done.status_code, done.json()["decision_reason"]) == (200, "too wide")


def test_levels_above_agents(client: Client, organisation: Organisation) -> None:
    _as(client, organisation.security)
    assert client.get("/api/v1/policies/organisation").status_code == 404
    body = {"based_on": 0, "document": {"limits": {"files": 5}}, "reason": "the board"}
    assert _send(client, "policies/organisation", body).status_code == 201
    assert client.get("/api/v1/policies/organisation").json()["document"] == {"limits": {"files": 5}}
    assert _send(client, "policies/organisation", {**body, "based_on": 1, "document": {}}).status_code == 202
    assert _send(client, "policies/teams/payments", body).status_code == 201
    assert len(client.get("/api/v1/policies/teams/payments/revisions").json()["results"]) == 1
    _as(client, organisation.manager)
    assert _send(client, "policies/organisation", body).status_code == 403
    assert _send(client, "policies/teams/platform", body).status_code == 404
    keys = {row["key"] for row in client.get("/api/v1/policies/catalogue").json()}
    assert {"unknown", "read", "push.force"} <= keys


def test_as_of(client: Client, organisation: Organisation, agent: Agent) -> None:
    said_by_organisation(organisation.security, {"limits": {"files": 5}})
    _as(client, organisation.manager)
    baseline, own = revision_in_force(ORGANISATION), revision_in_force(Subject.of_agent(agent))
    assert baseline is not None
    assert own is not None
    path = f"/api/v1/agents/{agent.slug}/as-of"
    then = client.get(path, {"at": baseline.created_at.isoformat()}).json()
    assert (then["revision"]["number"], then["organisation"]["number"], then["team"]) == (1, 1, None)
    assert then["ownership"]["accountable_person"]["name"] == "Ada Manager"
    before = client.get(path, {"at": "2000-01-01T00:00:00"}).json()
    assert (before["revision"], before["ownership"], before["state"]) == (None, None, "draft")
    for nonsense in ("", "yesterday", "2026-13-13T00:00:00Z"):
        assert client.get(path, {"at": nonsense}).status_code == 400
