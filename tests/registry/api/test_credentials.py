"""Credentials and trusts over the API: secrets once, only after a fresh proof, and nothing for who may not."""

import json
from typing import Any

import pytest
from django.test import Client

from portal.api.models import IdempotencyKey
from portal.identity.services.tokens import issue_token
from registry.models import Agent, Credential, IssuerTrust
from registry.services.credential import issue_credential
from registry.services.trust import trust_issuer
from tests.organisation import Organisation
from tests.sign_in import sign_in

GITHUB = "https://token.actions.githubusercontent.com"
TRUST: dict[str, Any] = {
    "name": "nightly",
    "issuer": GITHUB,
    "audience": "https://portal.example",
    "claims": {"repository_id": "4711"},
}


def _send(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    sign_in(client, organisation.manager)
    return client


@pytest.fixture
def credential(organisation: Organisation, agent: Agent) -> Credential:
    return issue_credential(actor=organisation.manager, agent=agent, name="ci", days=30)[0]


def test_narrowed_rotated_listed_revoked(manager: Client, agent: Agent) -> None:
    path = f"agents/{agent.slug}/credentials"
    scope = {"scope": {"repositories": ["acme/payments"]}}
    issued = _send(manager, path, {"name": "ci", "days": 7, "scope": scope})
    assert (issued.status_code, issued["Cache-Control"]) == (201, "no-store")
    assert issued.json()["scope"] == scope
    rotated = _send(manager, f"{path}/{issued.json()['id']}/rotate", {"days": 7, "overlap_hours": 1})
    assert (rotated.status_code, rotated.json()["replaces"]) == (201, issued.json()["id"])
    again = _send(manager, f"{path}/{issued.json()['id']}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    listed = manager.get(f"/api/v1/{path}")
    assert [one["kind"] for one in listed.json()["results"]] == ["issued", "issued"]
    for answer in (issued, rotated):
        assert answer.json()["token"] not in listed.content.decode()
    assert not IdempotencyKey.objects.exists()
    assert _send(manager, f"{path}/revoke", {}).json() == {"credentials": 2, "trusts": 0}
    assert _send(manager, f"{path}/revoke", {"trusts": "maybe"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "ci", "days": 91}, "/days"),
        ({"name": "", "days": 1}, "/name"),
        ({"name": "ci", "scope": []}, "/scope"),
        ({"name": "ci", "scope": {"scope": {"repositories": ["*/*"]}}}, "/scope/scope/repositories/0"),
        ({"name": "ci", "kind": "exchanged"}, "/kind"),
    ],
)
def test_faults_are_named(manager: Client, agent: Agent, body: dict[str, Any], pointer: str) -> None:
    answer = _send(manager, f"agents/{agent.slug}/credentials", body)
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not Credential.objects.exists()


def test_what_makes_tokens_asks_for_a_fresh_proof_and_is_never_a_programs(
    client: Client, organisation: Organisation, agent: Agent, credential: Credential
) -> None:
    _, token = issue_token(person=organisation.manager, name="cli", days=1)
    home = f"agents/{agent.slug}"
    posts = {
        f"{home}/credentials": {"name": "ci"},
        f"{home}/credentials/{credential.pk}/rotate": {},
        f"{home}/trusts": TRUST,
    }
    for path, body in posts.items():
        answer = _send(client, path, body, Authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()["code"]) == (403, "step-up-required"), path
    assert (Credential.objects.count(), IssuerTrust.objects.count()) == (1, 0)
    # What only takes away needs no proof.
    revoked = _send(client, f"{home}/credentials/{credential.pk}/revoke", Authorization=f"Bearer {token}")
    assert revoked.json()["revoked_at"]


def test_trusts_are_added_listed_and_revoked(manager: Client, agent: Agent) -> None:
    path = f"agents/{agent.slug}/trusts"
    added = _send(manager, path, TRUST)
    assert (added.status_code, added.json()["claims"]) == (201, {"repository_id": "4711"})
    assert _send(manager, path, TRUST).status_code == 409
    listed = manager.get(f"/api/v1/{path}").json()["results"]
    assert [one["id"] for one in listed] == [added.json()["id"]]
    assert _send(manager, f"{path}/{added.json()['id']}/revoke").json()["revoked_at"]
    assert _send(manager, path, TRUST).status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"issuer": "https://evil.example"}, "/issuer"),
        ({"claims": {}}, "/claims"),
        ({"claims": {"repository": "acme/payments"}}, "/claims"),
        ({"claims": {"repository_id": 4711.5}}, "/claims/repository_id"),
        ({"audience": " x"}, "/audience"),
        ({"jwks_url": "https://evil.example"}, "/jwks_url"),
    ],
)
def test_a_trust_that_is_wrong_is_refused(manager: Client, agent: Agent, change: dict[str, Any], pointer: str) -> None:
    answer = _send(manager, f"agents/{agent.slug}/trusts", {**TRUST, **change})
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not IssuerTrust.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("member", 403), ("security", 403), ("auditor", 403), ("outsider", 404)])
def test_others_change_nothing(  # noqa: PLR0917 (fixtures)
    client: Client, organisation: Organisation, agent: Agent, credential: Credential, who: str, status: int
) -> None:
    trust = trust_issuer(actor=organisation.manager, agent=agent, **TRUST)
    sign_in(client, organisation.people[who])
    home = f"agents/{agent.slug}"
    for path, body in {
        f"{home}/credentials": {"name": "ci"},
        f"{home}/credentials/revoke": {},
        f"{home}/credentials/{credential.pk}/rotate": {},
        f"{home}/trusts": {**TRUST, "name": "other", "audience": "y"},
        f"{home}/trusts/{trust.pk}/revoke": {},
    }.items():
        assert _send(client, path, body).status_code == status, path
    assert (Credential.objects.get().revoked_at, IssuerTrust.objects.get().revoked_at) == (None, None)
