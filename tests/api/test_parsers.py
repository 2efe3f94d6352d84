"""Bodies are read strictly: what two parsers could read differently is refused, and nothing large is read."""

import pytest
from django.test import Client, RequestFactory

from portal.api.parsers import MOST_BYTES, json_object, read_body
from portal.errors import InvalidInput, TooLarge, UnsupportedMedia

pytestmark = pytest.mark.usefixtures("probe")
TYPE = "application/json"

BAD = [
    b'{"a":1,"a":2}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":"\\u0000"}',
    b'{"a":"\\ud800"}',
    b'\xef\xbb\xbf{"a":1}',
    b'{"a":"\xff"}',
    b"[" * 5000 + b"]" * 5000,
    b'{"a":1} x',
    b"{'a':1}",
    b"{",
    b"\x00",
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:16]))
def test_doubtful_bodies_are_refused(by_token: Client, body: bytes) -> None:
    response = by_token.post("/api/probe/echo", body, content_type=TYPE)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid-input"
    with pytest.raises(InvalidInput):
        json_object(RequestFactory().post("/", body, content_type=TYPE))


def test_an_ordinary_body_comes_through(by_token: Client) -> None:
    response = by_token.post("/api/probe/echo", '{"a":[1,"é",null,true]}'.encode(), content_type=TYPE)
    assert response.json() == {"a": [1, "é", None, True]}


def test_a_large_body_is_refused(by_token: Client) -> None:
    body = b'{"a":"' + b"x" * MOST_BYTES + b'"}'
    response = by_token.post("/api/probe/echo", body, content_type=TYPE)
    assert response.status_code == 413
    assert response.json()["code"] == "too-large"


def test_a_large_claim_is_refused_unread() -> None:
    request = RequestFactory().post("/", b"{}", content_type=TYPE, headers={"Content-Length": str(10**12)})
    request.META["CONTENT_LENGTH"] = str(10**12)
    with pytest.raises(TooLarge):
        read_body(request)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
def test_plain_views_take_objects_only(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        json_object(RequestFactory().post("/", body, content_type=TYPE))


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonx"])
def test_plain_views_take_json_only(kind: str) -> None:
    with pytest.raises(UnsupportedMedia):
        json_object(RequestFactory().post("/", b"{}", content_type=kind))


def test_the_type_may_carry_a_charset() -> None:
    assert json_object(RequestFactory().post("/", b"{}", content_type="Application/JSON; charset=utf-8")) == {}
