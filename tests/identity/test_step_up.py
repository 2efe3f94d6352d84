"""Step-up: what counts as a fresh proof, and what happens without one."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portal.identity.models import Person, PersonToken
from tests.identity.authenticator import Passkey
from tests.organisation import PASSWORD, Organisation
from tests.sign_in import sign_in

NEW_TOKEN = {"name": "export", "days": "7"}


def _code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def _later(minutes: int) -> Any:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=True)


def _issue(client: Client) -> Any:
    return client.post("/settings/tokens/new/", NEW_TOKEN)


def test_a_fresh_sign_in_counts_for_five_minutes(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.member)
    assert _issue(client).status_code == 201
    with _later(6):
        response = _issue(client)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert PersonToken.objects.count() == 1


def test_a_session_without_a_proof_is_not_enough(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.member)
    assert _issue(client).headers["Location"].startswith("/accounts/reauthenticate/")
    assert not PersonToken.objects.exists()


def test_what_was_posted_is_carried_out_after_the_proof(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.member)
    confirm = _issue(client).headers["Location"]
    wrong = client.post(confirm, {"password": "wrong", "next": "/settings/tokens/new/"})
    assert wrong.status_code == 200
    assert not PersonToken.objects.exists()
    done = client.post(confirm, {"password": PASSWORD, "next": "/settings/tokens/new/"})
    assert done.status_code == 201
    assert PersonToken.objects.get().name == "export"


def test_htmx_is_sent_to_confirm_and_nothing_is_kept(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.member)
    response = client.post(
        "/settings/tokens/new/",
        NEW_TOKEN,
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/settings/tokens/?a=1"},
    )
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/accounts/reauthenticate/?next=%2Fsettings%2Ftokens%2F%3Fa%3D1"


@pytest.fixture
def secret(organisation: Organisation) -> str:
    made = str(generate_totp_secret())
    TOTP.activate(organisation.member, made)
    cache.clear()
    return made


def _sign_in_with_code(client: Client, person: Person, secret: str) -> None:
    sign_in(client, person)
    assert client.get("/settings/").status_code == 302, "the first step alone must not sign in"
    assert client.post("/accounts/2fa/authenticate/", {"code": _code(secret)}).status_code == 302


def test_with_a_second_factor_the_password_alone_does_not_count(
    client: Client, organisation: Organisation, secret: str
) -> None:
    _sign_in_with_code(client, organisation.member, secret)
    assert _issue(client).status_code == 201
    with _later(6):
        response = _issue(client)
        assert response.headers["Location"].startswith("/accounts/2fa/reauthenticate/")
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert _issue(client).status_code == 302
        assert PersonToken.objects.count() == 1
        done = client.post("/accounts/2fa/reauthenticate/", {"code": _code(secret), "next": "/settings/tokens/new/"})
        assert done.status_code == 201


def test_a_code_is_used_once(organisation: Organisation, secret: str) -> None:
    first, second = Client(), Client()
    sign_in(first, organisation.member)
    sign_in(second, organisation.member)
    code = _code(secret)
    assert first.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert second.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert second.get("/settings/").status_code == 302


def _at_another_place(person: Person) -> Client:
    """As a sign-in somewhere else would leave it, of somebody who has neither password nor second factor here."""
    person.set_unusable_password()
    person.save(update_fields=["password"])
    client = Client(raise_request_exception=False)
    client.force_login(person)
    session = client.session
    session["account_authentication_methods"] = [{"method": "socialaccount", "at": timezone.now().timestamp()}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
    return client


def test_whoever_signed_in_elsewhere_is_fresh_for_five_minutes_and_then_has_to_sign_in_again(
    organisation: Organisation,
) -> None:
    client = _at_another_place(organisation.member)
    assert _issue(client).status_code == 201
    with _later(6):
        asked = _issue(client)
        assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=")
        said = client.get(asked.headers["Location"])
        assert (said.status_code, "Sign out and in again" in said.content.decode()) == (403, True)
        for way in ("/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"):
            assert client.post(way, {"password": "", "code": "000000"}).status_code == 403
    assert PersonToken.objects.count() == 1


def test_a_session_with_nothing_to_prove_itself_with_adds_no_second_factor(organisation: Organisation) -> None:
    """allauth would let it: whoever held a copy of the cookie could make itself the key that is asked for later."""
    client = _at_another_place(organisation.member)
    for path in ("/accounts/2fa/webauthn/add/", "/accounts/2fa/totp/activate/"):
        assert client.get(path).status_code == 200, "a moment after the sign-in"
        with _later(6):
            assert client.get(path).status_code == 403
            assert client.post(path, {"code": "000000", "credential": "{}"}).status_code == 403
    assert not Authenticator.objects.exists()


def test_the_passkey_comes_first_and_then_the_code(organisation: Organisation, secret: str) -> None:
    client = Client()
    Passkey().add_to(organisation.member)
    client.force_login(organisation.member)
    assert _issue(client).headers["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/?next=")
    page = client.get("/accounts/2fa/webauthn/reauthenticate/?next=/settings/tokens/new/").content.decode()
    assert '"/accounts/2fa/reauthenticate/?next=' in page


def test_a_passkey_that_proves_nothing_leads_back_to_where_it_was_asked(organisation: Organisation) -> None:
    client = Client()
    Passkey().add_to(organisation.member)
    client.force_login(organisation.member)
    path = "/accounts/2fa/webauthn/reauthenticate/"
    _issue(client)
    client.get(path)
    answer = client.post(path, {"credential": "{}", "next": "/settings/tokens/new/"})
    assert answer.headers["Location"] == f"{path}?next=%2Fsettings%2Ftokens%2Fnew%2F"
    assert "Nothing was confirmed" in client.get(answer.headers["Location"]).content.decode()
    assert client.session["account_reauthentication_state"], "what was posted still waits for the proof"
