"""The site of passkeys: the portal's own name, whatever Host arrives; and where that is a number, the name to go to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from allauth.core.context import request_context
from django.test import Client, RequestFactory

from portal.identity.bound_proof import ProofRefused, begin, finish, holds
from portal.identity.site import is_of, passkey_site, passkeys_at
from tests.identity.authenticator import Passkey
from tests.organisation import Organisation

BOUND: dict[str, Any] = {"digest": b"d" * 32, "view_hash": b"v" * 32, "verdict": "approve"}


@contextmanager
def asked_at(host: str) -> Iterator[Any]:
    request = RequestFactory().get("/", headers={"host": host})
    with request_context(request):
        yield request


@pytest.mark.parametrize(
    ("own", "host", "site", "at"),
    [
        # Behind a proxy that asks the portal under a number or under another name.
        ("https://portal.example", "127.0.0.1", "https://portal.example", "https://portal.example"),
        ("https://portal.example:8443", "localhost", "https://portal.example:8443", "https://portal.example:8443"),
        ("https://portal.example/below", "testserver", "https://portal.example", "https://portal.example"),
        # On this machine, as `make run` leaves it: the name has to be in use.
        ("http://127.0.0.1:8800", "localhost:8800", "http://localhost:8800", "http://localhost:8800"),
        ("http://127.0.0.1:8800", "127.0.0.1:8800", "http://127.0.0.1:8800", "http://localhost:8800"),
        ("http://[::1]:8800", "localhost", "http://localhost", "http://localhost"),
    ],
)
def test_which_site_it_is(settings: Any, own: str, host: str, site: str, at: str) -> None:
    settings.BAILIWICK_BASE_URL = own
    with asked_at(host) as request:
        assert (passkey_site(request), passkeys_at(request)) == (site, at)


def test_a_number_of_the_network_has_no_place_for_passkeys(settings: Any) -> None:
    settings.BAILIWICK_BASE_URL, settings.ALLOWED_HOSTS = "http://10.0.0.7:8800", ["10.0.0.7"]
    with asked_at("10.0.0.7:8800") as request:
        assert passkeys_at(request) == ""


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("https://portal.example", True),
        ("https://portal.example:443", True),
        ("https://portal.example:8443", False),
        ("https://a.portal.example", False),
        ("https://portal.example.evil.test", False),
        ("https://portal.example:x", False),
        ("", False),
    ],
)
def test_whose_origin_it_is(origin: str, own: bool) -> None:
    assert is_of("https://portal.example", origin) is own


@pytest.mark.django_db
def test_behind_a_proxy_a_decision_is_signed_for_the_portals_own_name(
    settings: Any, organisation: Organisation
) -> None:
    """The Host that a proxy passes on plays no part, nor does one that a caller makes up."""
    settings.BAILIWICK_BASE_URL = "https://portal.example"
    person, key = organisation.approver, Passkey(host="portal.example")
    key.add_to(person)
    with asked_at("127.0.0.1:8800"):
        options = begin(person, **BOUND)
        assert options["publicKey"]["rpId"] == "portal.example"
        proof = finish(person, key.answer(options, origin="https://portal.example"), **BOUND)
        assert holds(proof, person, **BOUND)
        for elsewhere in ("https://a.portal.example", "http://portal.example", "http://127.0.0.1:8800"):
            with pytest.raises(ProofRefused):
                finish(person, key.answer(begin(person, **BOUND), origin=elsewhere), **BOUND)


@pytest.mark.django_db
def test_signing_in_and_adding_a_key_go_by_the_same_name(settings: Any, client: Client) -> None:
    settings.BAILIWICK_BASE_URL = "https://portal.example"
    answer = client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert answer.json()["request_options"]["publicKey"]["rpId"] == "portal.example"
