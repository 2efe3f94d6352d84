"""The address of the exchange: its shapes, what it takes for a request at all, and how often it may be tried."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client

from approvals.selectors.standing import caller_standing
from portal.identity.rules.tokens import digest
from registry.api.tries import MOST_REFUSED
from registry.models import Agent, Credential, IssuerTrust
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.issuer import TestIssuer, issuer, served, trust
from tests.organisation import Organisation

__all__ = ["issuer", "served", "trust"]

pytestmark = pytest.mark.django_db
FORM = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
}


def _post(client: Client, body: dict[str, Any], **more: Any) -> Any:
    return client.post(
        "/api/v1/token", urlencode(body, doseq=True), content_type="application/x-www-form-urlencoded", **more
    )


def test_the_answer_is_that_of_a_token_exchange(
    client: Client, issuer: TestIssuer, trust: IssuerTrust, agent: Agent
) -> None:
    made = _post(client, {**FORM, "agent": agent.slug, "subject_token": issuer.token()})
    body = made.json()
    token = body.pop("access_token")
    assert body == {
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 900,
    }
    assert made["Cache-Control"] == "no-store"
    assert caller_standing(digest(token)) is not None
    asked = {**FORM, "agent": str(agent.pk), "subject_token": issuer.token()}
    assert client.post("/api/v1/token", asked, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type", "/grant_type"),
        ({"grant_type": ""}, "invalid_request", "/grant_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request", "/subject_token_type"),
        ({"requested_token_type": FORM["subject_token_type"]}, "invalid_request", "/requested_token_type"),
        ({"subject_token": ""}, "invalid_request", "/subject_token"),
        ({"subject_token": "abc"}, "invalid_request", "/subject_token"),
        ({"agent": "x" * 81}, "invalid_request", "/agent"),
        ({"agent": ["one", "two"]}, "invalid_request", "/agent"),
        ({"scope": "everything"}, "invalid_request", "/scope"),
        ({"actor_token": "abc"}, "invalid_request", "/actor_token"),
    ],
)
def test_what_is_no_exchange_is_named(  # noqa: PLR0917 (fixtures)
    client: Client,
    issuer: TestIssuer,
    trust: IssuerTrust,
    agent: Agent,
    change: dict[str, Any],
    error: str,
    pointer: str,
) -> None:
    answer = _post(client, {**FORM, "agent": agent.slug, "subject_token": issuer.token(), **change})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["error"] == error
    assert pointer in {fault["pointer"] for fault in answer.json()["errors"]}
    assert not Credential.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json"])
def test_other_bodies_are_refused(client: Client, issuer: TestIssuer, kind: str) -> None:
    answer = client.post("/api/v1/token", b"[]", content_type=kind)
    assert answer.status_code in {400, 415}
    assert answer["Content-Type"] == "application/problem+json"
    assert (
        client.post(
            "/api/v1/token", b"a=" + b"x" * 70_000, content_type="application/x-www-form-urlencoded"
        ).status_code
        == 413
    )


def test_a_refusal_says_so_in_both_languages(
    client: Client, issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation
) -> None:
    asked = {**FORM, "agent": agent.slug, "subject_token": issuer.token(repository_id="4712")}
    refused = _post(client, asked)
    assert (refused.status_code, refused.json()["code"], refused.json()["error"]) == (
        400,
        "token-refused",
        "invalid_grant",
    )
    assert "4711" not in refused.content.decode(), "what the trust asks for is not told to strangers"
    order_kill(actor=organisation.security, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    stopped = _post(client, {**asked, "subject_token": issuer.token()})
    assert (stopped.status_code, stopped.json()["error"]) == (409, "access_denied")
    cache.clear()
    issuer.answer = (503, {}, b"")
    unread = _post(client, {**asked, "subject_token": issuer.token()})
    assert (unread.status_code, unread.json()["error"]) == (503, "temporarily_unavailable")


def test_a_session_or_a_token_of_a_person_changes_nothing(
    client: Client, issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation
) -> None:
    client.force_login(organisation.manager)
    asked = {**FORM, "agent": agent.slug, "subject_token": issuer.token(repository_id="4712")}
    assert _post(client, asked, headers={"Authorization": "Bearer bwp_x"}).json()["code"] == "token-refused"


def test_an_address_that_is_refused_again_and_again_must_wait(
    client: Client, issuer: TestIssuer, trust: IssuerTrust, agent: Agent
) -> None:
    for _ in range(MOST_REFUSED):
        assert _post(client, {**FORM, "agent": agent.slug, "subject_token": "a.b.c"}).status_code == 400
    good = {**FORM, "agent": agent.slug, "subject_token": issuer.token()}
    late = _post(client, good)
    assert (late.status_code, late.json()["error"]) == (429, "slow_down")
    assert _post(client, good, REMOTE_ADDR="192.0.2.7").status_code == 200
    # An address that one writes oneself is not believed.
    assert _post(client, good, headers={"X-Forwarded-For": "192.0.2.8"}).status_code == 429
