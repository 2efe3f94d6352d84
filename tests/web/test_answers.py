"""Refusals as pages, fragments and problem documents; doors that send the signed-out to sign in."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from portal.errors import InvalidInput, NotAllowed, PortalError, StaleView
from portal.web import errors
from portal.web.access import signed_in
from portal.web.headers import SecurityHeadersMiddleware


def request_for(path: str, **headers: str) -> HttpRequest:
    request = RequestFactory().get(path, headers=headers)
    request.user = AnonymousUser()
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
    return request


def test_a_page_says_what_happened_what_was_not_done_and_what_next() -> None:
    error = StaleView("The command changed.", difference="<b>ci</b> became install")
    answer = errors.answer(request_for("/approvals/AR-1/"), error)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "The command changed." in text
    assert "Your decision was not recorded." in text
    assert "Open the request again" in text
    assert "&lt;b&gt;ci&lt;/b&gt;" in text


def test_htmx_gets_a_message_where_messages_live() -> None:
    request = request_for("/approvals/AR-1/", **{"HX-Request": "true"})
    answer = errors.answer(request, NotAllowed("Only an approver may decide this."))
    assert answer.status_code == 403
    assert answer["HX-Retarget"] == "#messages"
    assert b"<html" not in answer.content


@pytest.mark.parametrize("path", ["/api/v1/agents/", "/hooks/claude", "/v1/logs", "/ingest/hooks/claude"])
def test_machines_get_a_problem_document(path: str) -> None:
    error = InvalidInput("Bad.", errors=[{"pointer": "/a", "detail": "Missing."}], seen=3)
    answer = errors.answer(request_for(path), error)
    body: dict[str, Any] = json.loads(answer.content)
    assert answer["Content-Type"] == "application/problem+json"
    assert body["type"] == "urn:bailiwick:problem:invalid-input"
    assert body["errors"] == [{"pointer": "/a", "detail": "Missing."}]
    assert (body["seen"], body["status"], body["instance"]) == (3, 400, path)


def test_extra_members_cannot_replace_the_standard_ones() -> None:
    body = json.loads(errors.answer(request_for("/api/v1/x"), PortalError("No.", status=200, type="x")).content)
    assert (body["status"], body["type"]) == (500, "urn:bailiwick:problem:error")


def test_the_middleware_leaves_other_exceptions_to_django() -> None:
    middleware = errors.PortalErrorMiddleware(lambda _: HttpResponse())
    assert middleware.process_exception(request_for("/"), ValueError("x")) is None
    answer = middleware.process_exception(request_for("/"), NotAllowed("No."))
    assert answer is not None
    assert answer.status_code == 403


def test_our_own_fault_reveals_nothing() -> None:
    answer = errors.handler500(request_for("/agents/"))
    assert answer.status_code == 500
    assert b"Traceback" not in answer.content
    assert json.loads(errors.handler500(request_for("/api/v1/x")).content)["status"] == 500


@signed_in
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


def test_the_signed_out_go_to_sign_in_and_back() -> None:
    answer = page(request_for("/agents/?team=a&sort=-name"))
    assert answer.status_code == 302
    assert answer["Location"].endswith("?next=%2Fagents%2F%3Fteam%3Da%26sort%3D-name")


def test_a_lapsed_session_under_htmx_moves_the_whole_browser() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/approvals/?open=AR-1"}
    answer = page(request_for("/approvals/badge/", **headers))
    assert answer.status_code == 204
    assert answer["HX-Redirect"].endswith("?next=%2Fapprovals%2F%3Fopen%3DAR-1")


def test_headers_keep_pages_out_of_caches_and_powers_out_of_pages() -> None:
    answer = SecurityHeadersMiddleware(lambda _: HttpResponse("x"))(request_for("/"))
    assert answer["Cache-Control"] == "no-store"
    assert "camera=()" in answer["Permissions-Policy"]


def test_tags_keep_the_query_and_escape() -> None:
    request = request_for("/agents/?team=a&cursor=zzz&sort=name")
    head = Template('{% sort_header "name" "Name" %}').render(Context({"request": request}))
    assert "sort=-name" in head
    assert "team=a" in head
    assert "cursor" not in head
    assert 'aria-sort="ascending"' in head
    block = Template("{% callout 'warn' title=title %}<p>{{ body }}</p>{% endcallout %}")
    shown = block.render(Context({"title": "<i>", "body": "<b>"}))
    assert "&lt;i&gt;" in shown
    assert "<p>&lt;b&gt;</p>" in shown


@pytest.mark.parametrize(("count", "words"), [(0, "no agents"), (1, "1 agent"), (1204, "1,204 agents")])
def test_plurals(count: int, words: str) -> None:
    assert Template('{% plural n "agent" %}').render(Context({"n": count})) == words
