"""A URLconf of small views through which the shared parts of the API are tested, and who calls them."""

from collections.abc import Iterator

import pytest
from django.test import Client

from portal.identity.services.tokens import issue_token
from tests.api import views
from tests.organisation import Organisation


@pytest.fixture
def probe(settings: object) -> Iterator[None]:
    """The views of tests/api/views.py at /api/probe/…, beside nothing else."""
    settings.ROOT_URLCONF = "tests.api.views"  # type: ignore[attr-defined]
    views.CALLS.clear()
    yield
    views.CALLS.clear()


@pytest.fixture
def by_token(organisation: Organisation) -> Client:
    """A caller with the token of a member."""
    _, text = issue_token(person=organisation.member, name="tests", days=7)
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)
