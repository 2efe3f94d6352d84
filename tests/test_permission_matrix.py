"""Every route against every kind of person, and every route against a form from another site."""

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from portal.embedded.postgres import Urls
from tests import matrix
from tests.conftest import reset_database
from tests.organisation import Organisation, make_organisation
from tests.red_team.rows import governed

pytestmark = pytest.mark.django_db

ROUTES = matrix.routes()
ROWS = matrix.rows()


@pytest.fixture(scope="module")
def organisation(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, database_urls: Urls
) -> Iterator[Organisation]:
    """Made once, since there are two thousand tests here and none keeps what it writes."""
    with django_db_blocker.unblock():
        made = make_organisation()
    yield made
    with django_db_blocker.unblock():
        reset_database(database_urls)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert sorted(ROUTES.keys() - ROWS.keys()) == [], "add a row to tests/<app>/matrix.py"
    assert sorted(ROWS.keys() - ROUTES.keys()) == [], "these rows name no route"


@pytest.mark.parametrize("key", sorted(ROWS))
def test_row_names_every_persona(key: str) -> None:
    assert set(ROWS[key].get) == set(matrix.PERSONAS)


@pytest.mark.parametrize("key", sorted(ROWS))
def test_get(key: str, organisation: Organisation) -> None:
    row = ROWS[key]
    address = matrix.address(key, row, organisation)
    before = governed()
    got = {persona: _client(persona, organisation).get(address).status_code for persona in matrix.PERSONAS}
    assert got == dict(row.get)
    assert governed() == before, "a GET changed something (I10)"


@pytest.mark.parametrize("key", sorted(key for key, row in ROWS.items() if not row.machine))
def test_post_from_another_site_is_refused(key: str, organisation: Organisation) -> None:
    """No page accepts a POST, PUT, PATCH or DELETE that comes without the CSRF token of the session."""
    address = matrix.address(key, ROWS[key], organisation)
    for method in ("post", "put", "patch", "delete"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(organisation.operator)
        response = getattr(client, method)(address)
        assert response.status_code in {403, 404, 405}, f"{method} answered {response.status_code}"


def _client(persona: str, organisation: Organisation) -> Client:
    client = Client(raise_request_exception=False)
    if persona != "anonymous":
        client.force_login(organisation.people[persona])
    return client
