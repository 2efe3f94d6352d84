"""Whatever is refused over JSON is a problem document with the right status."""

from typing import Any

import pytest
from django.test import Client

from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from tests.organisation import Organisation
from tests.sign_in import sign_in

TYPE = "application/problem+json"


def _problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"] == TYPE
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:bailiwick:problem:{code}"
    assert body["instance"] == response.wsgi_request.path
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("conflict", 409, "conflict"),
        ("denied", 403, "not-allowed"),
        ("missing", 404, "not-found"),
        ("throttled", 429, "too-many-requests"),
        ("fault", 500, "error"),
    ],
)
def test_every_refusal_is_a_document(by_token: Client, what: str, status: int, code: str) -> None:
    body = _problem(by_token.get(f"/api/probe/raise/{what}"), status, code)
    assert "secret" not in str(body)


@pytest.mark.usefixtures("probe")
def test_further_facts_do_not_hide_the_standard_members(by_token: Client) -> None:
    body = _problem(by_token.get("/api/probe/raise/stale"), 409, "stale-view")
    assert body["difference"] == {"branch": ["a", "b"]}


@pytest.mark.usefixtures("probe")
def test_fields_are_named_by_json_pointer(by_token: Client) -> None:
    body = _problem(by_token.get("/api/probe/raise/fields"), 400, "invalid-input")
    assert body["errors"] == [
        {"pointer": "/scope/paths/0", "detail": "Too wide."},
        {"pointer": "/scope/paths/1", "detail": "Bad."},
        {"pointer": "/name", "detail": "Needed."},
    ]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing", "/api/v1/me/", "/api/v2", "/api/v1/%00"])
def test_unknown_paths(client: Client, db: None, method: str, path: str) -> None:
    _problem(getattr(client, method)(path), 404, "not-found")


def test_head_of_an_unknown_path(client: Client, db: None) -> None:
    response = client.head("/api/v1/nothing")
    assert (response.status_code, response.content) == (404, b"")


def test_nobody_is_told_to_identify(client: Client, db: None) -> None:
    response = client.get("/api/v1/me")
    _problem(response, 401, "not-authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_method_that_is_not_there_names_those_that_are(by_token: Client) -> None:
    response = by_token.put("/api/v1/me/tokens", {}, content_type="application/json")
    _problem(response, 405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_head_and_options_are_sane(by_token: Client) -> None:
    head = by_token.head("/api/v1/me")
    assert (head.status_code, head.content) == (200, b"")
    options = by_token.options("/api/v1/me")
    assert options.status_code == 200
    assert "GET" in options.headers["Allow"]


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_content_types_are_refused(by_token: Client, kind: str) -> None:
    response = by_token.generic("POST", "/api/probe/echo", b'{"a":1}', content_type=kind)
    _problem(response, 415, "unsupported-media")


def test_other_answers_are_not_offered(by_token: Client) -> None:
    _problem(by_token.get("/api/v1/me", headers={"Accept": "application/xml"}), 406, "not-acceptable")
    assert by_token.get("/api/v1/me", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_a_browser_needs_the_csrf_token(organisation: Organisation) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(organisation.member)
    response = page.post("/api/v1/me/tokens", {"name": "x", "days": 1}, content_type="application/json")
    _problem(response, 403, "not-allowed")


def test_a_method_override_is_not_obeyed(by_token: Client) -> None:
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        assert by_token.get("/api/v1/me", headers={header: "DELETE"}).status_code == 200
    assert by_token.post("/api/v1/me?_method=GET").status_code == 405


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer x",
        "Bearer bwp_short_000000",
        "Bearer bwa_" + "0" * 32 + "_000000",
        "Bearer bwp_" + "0" * 32 + "_000000",
        "bearer \0",
        "Bearer " + "x" * 8000,
    ],
)
def test_bad_tokens(client: Client, db: None, header: str) -> None:
    _problem(client.get("/api/v1/me", headers={"Authorization": header}), 401, "not-authenticated")


def test_a_token_dies_with_its_person_its_time_and_its_revocation(by_token: Client, organisation: Organisation) -> None:
    member = organisation.member
    assert by_token.get("/api/v1/me").status_code == 200
    Person.objects.filter(pk=member.pk).update(is_active=False)
    _problem(by_token.get("/api/v1/me"), 401, "not-authenticated")
    Person.objects.filter(pk=member.pk).update(is_active=True)
    token = member.tokens.get()
    token.expires_at, later = database_now(), token.expires_at
    token.save()
    _problem(by_token.get("/api/v1/me"), 401, "not-authenticated")
    token.expires_at = later
    token.save()
    assert by_token.delete(f"/api/v1/me/tokens/{token.pk}").status_code == 204
    _problem(by_token.get("/api/v1/me"), 401, "not-authenticated")


def test_a_token_in_the_address_is_not_read(by_token: Client, organisation: Organisation) -> None:
    text = str(by_token.defaults["HTTP_AUTHORIZATION"]).split()[1]
    for name in ("token", "access_token", "api_key"):
        _problem(Client().get(f"/api/v1/me?{name}={text}"), 401, "not-authenticated")


def test_a_token_makes_no_token(by_token: Client) -> None:
    form = {"name": "child", "days": 7}
    _problem(by_token.post("/api/v1/me/tokens", form, content_type="application/json"), 403, "not-allowed")


def test_issuing_over_the_session_needs_a_fresh_proof(client: Client, organisation: Organisation) -> None:
    form = {"name": "script", "days": 7}
    client.force_login(organisation.member)
    body = _problem(client.post("/api/v1/me/tokens", form, content_type="application/json"), 403, "step-up-required")
    assert body["confirm_at"] == "/accounts/reauthenticate/"
    client.logout()
    sign_in(client, organisation.member)
    made = client.post("/api/v1/me/tokens", form, content_type="application/json")
    assert made.status_code == 201
    listed = client.get("/api/v1/me/tokens").json()["results"]
    assert [item["prefix"] for item in listed] == [made.json()["prefix"]]
    assert made.json()["token"] not in str(listed)


@pytest.mark.parametrize("days", [0, -1, 91, 10**30, "x", None, 1.5])
def test_lifetimes_out_of_bounds(client: Client, organisation: Organisation, days: object) -> None:
    sign_in(client, organisation.member)
    response = client.post("/api/v1/me/tokens", {"name": "x", "days": days}, content_type="application/json")
    assert _problem(response, 400, "invalid-input")["errors"][0]["pointer"] == "/days"


def test_me_and_teams(by_token: Client, organisation: Organisation) -> None:
    me = by_token.get("/api/v1/me").json()
    assert me["email"] == "member@example.test"
    assert [team["slug"] for team in me["teams"]] == ["payments"]
    assert [team["slug"] for team in by_token.get("/api/v1/teams").json()["results"]] == ["payments"]
    members = by_token.get("/api/v1/teams/payments").json()["members"]
    assert {"manager"} in [set(item["roles"]) for item in members]
    assert "email" not in members[0]
    _problem(by_token.get("/api/v1/teams/platform"), 404, "not-found")
    _problem(by_token.get("/api/v1/teams/nothing"), 404, "not-found")
