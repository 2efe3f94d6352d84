"""The schema says everything that the API does, and is made without a single complaint."""

import warnings
from functools import cache
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests import matrix
from tests.organisation import Organisation

# Plain Django views on hot paths, which the generator cannot see, and where they are described instead.
PLAIN: dict[str, str] = {
    "checks": "docs: the check path; read with msgspec, its shape is tested in tests/approvals",
    "ingest_events": "docs: reporting events; JSON or NDJSON, its shape is tested in tests/reports",
}


@cache
def _schema() -> tuple[dict[str, Any], list[str]]:
    GENERATOR_STATS.reset()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    complaints = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    return made, [str(complaint) for complaint in complaints]


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = _schema()[0]["paths"].items()
    return [(path, method, operation) for path, methods in paths for method, operation in methods.items()]


def test_the_generator_has_no_complaints() -> None:
    assert _schema()[1] == []


def test_it_says_where_a_key_is_taken_and_what_comes_of_a_second_body() -> None:
    """R47: the header stands at every operation that takes it, with 409 for a key that was used for another request."""
    keyed = [
        one for _, _, one in _operations() if any(p["name"] == "Idempotency-Key" for p in one.get("parameters", ()))
    ]
    assert {"requests_review", "requests_edit", "requests_batch"} <= {one["operationId"] for one in keyed}
    for operation in keyed:
        assert "idempotency-key-reused" in operation["responses"]["409"]["description"], operation["operationId"]


def test_it_is_valid_openapi() -> None:
    validate_schema(_schema()[0])  # type: ignore[no-untyped-call]


def test_every_route_is_described() -> None:
    described = {path.removeprefix("/") for path, _, _ in _operations()}
    here = set()
    for key, route in matrix.full_paths().items():
        if route.startswith("api/v1/") and key.rpartition(":")[2] not in PLAIN:
            here.add(route)
    assert here - described == set()
    assert here


@pytest.mark.parametrize(("path", "method", "operation"), _operations(), ids=lambda value: str(value)[:60])
def test_every_operation_says_how_it_refuses(path: str, method: str, operation: dict[str, Any]) -> None:
    refusals = {status: answer for status, answer in operation["responses"].items() if status.startswith("4")}
    assert refusals
    for answer in refusals.values():
        assert answer["description"]
        assert list(answer["content"]) == ["application/problem+json"]
    assert operation.get("summary"), "say in a few words what it does"
    assert any(status.startswith("2") for status in operation["responses"])


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in _operations()]
    assert len(ids) == len(set(ids))


def test_the_schema_is_served_to_the_signed_in(client: Client, organisation: Organisation) -> None:
    assert client.get("/api/schema/").status_code == 401
    client.force_login(organisation.member)
    response = client.get("/api/schema/", headers={"Accept": "application/json"})
    assert response.status_code == 200
    assert response.json()["info"]["title"] == "Bailiwick"
