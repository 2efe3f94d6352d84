"""The headers of every answer: pages, refusals, problems, static files."""

from typing import Any

import pytest
from django.test import Client

from tests.organisation import Organisation

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PLACES = [
    "/settings/",
    "/accounts/login/",
    "/nothing/",
    "/api/v1/me",
    "/api/v1/nothing",
    "/api/schema/",
    "/healthz",
    "/static/css/base.css",
    "/static/icons/favicon.svg",
    "/settings/people/",
]


@pytest.mark.parametrize("persona", ["anonymous", "operator", "member"])
@pytest.mark.parametrize("path", PLACES)
def test_every_answer_carries_them(organisation: Organisation, path: str, persona: str, settings: Any) -> None:
    settings.WHITENOISE_USE_FINDERS = True
    client = Client()
    if persona != "anonymous":
        client.force_login(organisation.people[persona])
    response = client.get(path)
    response.close()
    assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "camera=()" in response.headers["Permissions-Policy"]
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    if path.startswith("/static/"):
        assert response.status_code == 200
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "no-store" not in response.headers["Cache-Control"]
    else:
        assert "no-store" in response.headers["Cache-Control"]


def test_cookies_are_kept_from_scripts_and_other_sites(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.member)
    cookie = client.get("/settings/").wsgi_request.COOKIES
    assert "sessionid" in cookie
    signed_in = Client()
    signed_in.post("/accounts/login/", {"login": "member@example.test", "password": "a long enough passphrase"})
    morsel = signed_in.cookies["sessionid"]
    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
def test_no_other_site_may_read_the_api(client: Client, organisation: Organisation, origin: str) -> None:
    client.force_login(organisation.member)
    for response in (client.get("/api/v1/me", headers={"Origin": origin}), client.options("/api/v1/me")):
        assert not [name for name in response.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_pages_that_only_take_a_post_change_nothing_otherwise(
    client: Client, organisation: Organisation, method: str
) -> None:
    client.force_login(organisation.operator)
    response = getattr(client, method)(f"/settings/people/{organisation.member.pk}/close/")
    assert response.status_code == 405
    organisation.member.refresh_from_db()
    assert organisation.member.is_active
