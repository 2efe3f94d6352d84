"""Signing in for tests: through the page, so that the session knows how and when."""

from django.test import Client

from portal.identity.models import Person
from tests.organisation import PASSWORD


def sign_in(client: Client, person: Person, password: str = PASSWORD) -> None:
    """Sign ``person`` in by password; the session then counts as recently authenticated."""
    response = client.post("/accounts/login/", {"login": person.email, "password": password})
    assert response.status_code == 302, response.content


def headers_of_a_session(person: Person) -> dict[str, str]:
    """What the browser of somebody who has just signed in sends with a POST to the API of another process."""
    client = Client()
    sign_in(client, person)
    secret = "c" * 32
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}; csrftoken={secret}", "X-CSRFToken": secret}
