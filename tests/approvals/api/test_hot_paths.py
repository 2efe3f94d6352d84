"""A check passes by the middleware of the pages, and nothing that guarded it there is lost on the way."""

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import resolve, reverse

from portal.hot_paths import VIEWS, HotPathMiddleware
from tests.approvals.api.test_hot import CHECKS, HOOK, check_body, hook_body, send
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = pytest.mark.django_db(transaction=True)

FORBID = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def post(path: str, **more: Any) -> Any:
    return Client(raise_request_exception=False).post(path, b"{}", content_type="application/json", **more)


def test_hot_paths_go_straight_to_the_views_of_their_addresses() -> None:
    assert settings.MIDDLEWARE.index("portal.hot_paths.HotPathMiddleware") == 0
    assert set(VIEWS) == {CHECKS, HOOK, reverse("approvals:pulse")}
    assert all(resolve(path).func is view for path, view in VIEWS.items())


def test_another_path_goes_through_everything(rf: Any) -> None:
    def gone_on(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.path_info)

    middleware = HotPathMiddleware(gone_on)
    for path in ("/", "/api/v1/agents", f"{CHECKS}/", "/hooks/claude/x"):
        assert middleware(rf.post(path)).content == path.encode()


def test_a_pulse_without_its_note_is_refused_with_a_page(client: Client) -> None:
    answer = client.get(reverse("approvals:pulse"))
    assert answer.status_code == 404
    assert b"<html" in answer.content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", [CHECKS, HOOK])
def test_an_answer_forbids_a_browser_to_make_anything_of_it(organisation: Organisation, path: str) -> None:
    body = check_body() if path == CHECKS else hook_body()
    answer = send(path, body, credential_for(organisation, active_agent(organisation)))
    assert answer.status_code == 200
    for name, value in FORBID.items():
        assert answer.headers[name] == value
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", [CHECKS, HOOK])
def test_a_host_that_is_not_ours_is_refused(path: str) -> None:
    with override_settings(ALLOWED_HOSTS=["portal.example.test"]):
        answer = post(path, headers={"Host": "evil.test"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid-input"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", [CHECKS, HOOK])
def test_plain_http_is_sent_away_where_https_is_demanded(path: str) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True, SECURE_HSTS_SECONDS=60):
        plain, secure = post(path), post(path, secure=True)
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://testserver{path}")
    assert secure.status_code != 301
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=60")
