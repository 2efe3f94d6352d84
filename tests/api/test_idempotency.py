"""Idempotency-Key: asking twice does once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal.api.models import IdempotencyKey
from portal.ledger.selectors.entries import database_now
from tests.api import views
from tests.organisation import Organisation

pytestmark = pytest.mark.usefixtures("probe")


def _create(client: Client, key: str | None, body: dict[str, Any], path: str = "/api/probe/create") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(path, body, content_type="application/json", headers=headers)


def test_the_same_answer_comes_again(by_token: Client) -> None:
    first, second = _create(by_token, "k", {"a": 1}), _create(by_token, "k", {"a": 1})
    assert len(views.CALLS) == 1
    assert (first.status_code, first.content) == (second.status_code, second.content) == (201, b'{"made":1}')
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"] == "/things/1"
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert "Idempotent-Replayed" not in first.headers


def test_the_order_of_keys_in_the_body_does_not_matter(by_token: Client) -> None:
    _create(by_token, "k", {"a": 1, "b": 2})
    assert _create(by_token, "k", {"b": 2, "a": 1}).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("other", [{"a": 2}, {"a": "1"}, {"a": True}, {"a": {}}, {"a": []}, {}, {"a": 1, "b": None}])
def test_another_body_is_another_request(by_token: Client, other: dict[str, Any]) -> None:
    _create(by_token, "k", {"a": 1})
    assert _create(by_token, "k", other).json()["code"] == "idempotency-key-reused"
    assert len(views.CALLS) == 1


def test_empty_things_are_told_apart(by_token: Client) -> None:
    _create(by_token, "k", {"a": {}})
    others: list[dict[str, Any]] = [{"a": []}, {}, {"a": None}]
    assert [_create(by_token, "k", other).status_code for other in others] == [409] * 3


def test_another_address_is_another_request(by_token: Client) -> None:
    _create(by_token, "k", {"a": 1})
    assert _create(by_token, "k", {"a": 1}, "/api/probe/other").status_code == 409
    assert _create(by_token, "k", {"a": 1}, "/api/probe/create?dry=1").status_code == 409


def test_keys_belong_to_their_caller(by_token: Client, organisation: Organisation) -> None:
    _create(by_token, "k", {"a": 1})
    other = Client()
    other.force_login(organisation.manager)
    assert _create(other, "k", {"a": 1}).json() == {"made": 2}


def test_without_a_key_it_simply_runs(by_token: Client) -> None:
    assert [_create(by_token, None, {}).json()["made"] for _ in range(2)] == [1, 2]
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 101, "tab\there", "é"])
def test_bad_keys(by_token: Client, key: str) -> None:
    assert _create(by_token, key, {}).json()["code"] == "invalid-input"
    assert views.CALLS == []


@pytest.mark.parametrize("refused", [{"fail": "conflict"}, {"fail": "missing"}, {"fail": "denied"}, {"bad": True}])
def test_a_refusal_frees_the_key(by_token: Client, refused: dict[str, Any]) -> None:
    assert _create(by_token, "k", refused).status_code in {400, 403, 404, 409}
    assert _create(by_token, "k", {"a": 1}).status_code == 201


def test_a_fault_is_given_again_and_nothing_runs_twice(by_token: Client) -> None:
    assert _create(by_token, "k", {"fail": "fault"}).status_code == 500
    again = _create(by_token, "k", {"fail": "fault"})
    assert again.status_code == 500
    assert again.headers["Content-Type"] == "application/problem+json"
    assert "not known" in again.json()["detail"]
    assert len(views.CALLS) == 1


def test_a_claim_whose_process_died_asks_for_a_look(by_token: Client) -> None:
    _create(by_token, "k", {"a": 1})
    IdempotencyKey.objects.update(status=None, created_at=database_now() - timedelta(minutes=5))
    response = _create(by_token, "k", {"a": 1})
    assert response.status_code == 409
    assert "ended without an answer" in response.json()["detail"]


def test_a_key_is_kept_for_a_day(by_token: Client) -> None:
    _create(by_token, "k", {"a": 1})
    IdempotencyKey.objects.update(created_at=database_now() - timedelta(hours=25))
    assert _create(by_token, "k", {"other": 2}).json() == {"made": 2}


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_do_it_once(by_token: Client) -> None:
    """One runs and waits in the middle; the others are told that it is under way."""
    views.GATE.clear()
    header = by_token.defaults["HTTP_AUTHORIZATION"]
    answers: list[int] = []
    answered = threading.Semaphore(0)

    def ask() -> None:
        client = Client(HTTP_AUTHORIZATION=header)
        try:
            answers.append(_create(client, "race", {"wait": True}).status_code)
        finally:
            connection.close()
            answered.release()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    # The tenth is the one that runs; it goes on when all others have been told.
    for _ in range(9):
        assert answered.acquire(timeout=60), answers
    views.GATE.set()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [201] + [409] * 9
    assert len(views.CALLS) == 1
    assert _create(by_token, "race", {"wait": True}).headers["Idempotent-Replayed"] == "true"
