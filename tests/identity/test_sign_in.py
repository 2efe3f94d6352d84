"""Signing in: recorded, limited, by invitation, and over at once when it has to be."""

import re
from datetime import timedelta
from typing import Any, cast

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.identity.services import sign_in as service
from portal.identity.services.people import deactivate_person, reactivate_person
from portal.identity.web import adapter
from tests.identity.conftest import Recorded
from tests.organisation import PASSWORD, Organisation
from tests.sign_in import sign_in

NEW = "another long enough passphrase"


def _signed_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


def _try(client: Client, email: str, password: str, **extra: Any) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def test_a_sign_in_is_recorded_with_its_methods(client: Client, organisation: Organisation, recorded: Recorded) -> None:
    sign_in(client, organisation.member)
    (entry,) = recorded("identity.person.signed_in")
    assert entry["person"] == str(organisation.member.pk)
    methods = cast("list[str]", entry["methods"])
    assert len(methods) == 1
    assert re.fullmatch(r"password@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", methods[0])


def test_no_entry_no_session(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("the ledger cannot be written")

    monkeypatch.setattr(adapter, "record_sign_in", fail)
    client = Client(raise_request_exception=False)
    assert _try(client, organisation.member.email, PASSWORD).status_code == 500
    assert not _signed_in(client)


def test_failed_sign_ins_are_recorded_without_what_was_typed(
    client: Client, organisation: Organisation, recorded: Recorded
) -> None:
    _try(client, organisation.member.email, "wrong")
    _try(client, "hunter2@typed-in-the-wrong-field.test", "wrong")
    failed = recorded("identity.person.sign_in_failed")
    assert failed == [{"person": str(organisation.member.pk)}, {"person": None}]


def test_known_and_unknown_addresses_get_the_same_answer(client: Client, organisation: Organisation) -> None:
    known = _try(client, organisation.member.email, "wrong")
    unknown = _try(client, "nobody@example.test", "wrong")
    assert known.status_code == unknown.status_code == 200
    assert known.context["form"].errors == unknown.context["form"].errors
    closed = Person.objects.get(pk=organisation.second_manager.pk)
    Person.objects.filter(pk=closed.pk).update(is_active=False)
    assert _try(client, closed.email, "wrong").context["form"].errors == unknown.context["form"].errors


def test_asking_for_a_reset_says_the_same_to_all(client: Client, organisation: Organisation) -> None:
    answers = [
        client.post("/accounts/password/reset/", {"email": email})
        for email in (organisation.member.email, "nobody@example.test")
    ]
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [
        (302, "/accounts/password/reset/done/")
    ] * 2


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "http:evil.test",
        "https:///evil.test",
    ],
)
def test_no_open_redirect_after_sign_in(client: Client, organisation: Organisation, target: str) -> None:
    form = {"login": organisation.member.email, "password": PASSWORD, "next": target}
    assert client.post("/accounts/login/", form).headers["Location"] == "/"


def test_back_to_the_page_that_was_asked(client: Client, organisation: Organisation) -> None:
    form = {"login": organisation.member.email, "password": PASSWORD, "next": "/settings/teams/?x=1"}
    assert client.post("/accounts/login/", form).headers["Location"] == "/settings/teams/?x=1"


def test_sign_in_needs_its_csrf_token(organisation: Organisation) -> None:
    client = Client(enforce_csrf_checks=True)
    assert _try(client, organisation.member.email, PASSWORD).status_code == 403


def test_the_session_key_changes_at_sign_in(client: Client, organisation: Organisation) -> None:
    """A key planted before (session fixation) is worth nothing after."""
    session = client.session
    session["planted"] = "yes"
    session.save()
    before = session.session_key
    sign_in(client, organisation.member)
    assert client.session.session_key != before
    planted = Client()
    planted.cookies["sessionid"] = str(before)
    assert not _signed_in(planted)


def test_nobody_signs_up(client: Client, db: None) -> None:
    form = {"email": "new@example.test", "password1": NEW}
    assert b"By invitation" in client.get("/accounts/signup/").content
    assert b"By invitation" in client.post("/accounts/signup/", form).content
    assert not Person.objects.filter(email="new@example.test").exists()


def test_deactivation_ends_every_session_at_once(organisation: Organisation) -> None:
    clients = [Client(), Client()]
    for client in clients:
        sign_in(client, organisation.member)
        assert _signed_in(client)
    deactivate_person(actor=actor_for(organisation.operator), person=organisation.member)
    assert [_signed_in(client) for client in clients] == [False, False]
    # Nor do they come back with the account.
    reactivate_person(actor=actor_for(organisation.operator), person=organisation.member)
    assert [_signed_in(client) for client in clients] == [False, False]


def test_the_closed_do_not_sign_in(client: Client, organisation: Organisation) -> None:
    Person.objects.filter(pk=organisation.member.pk).update(is_active=False)
    _try(client, organisation.member.email, PASSWORD)
    assert not _signed_in(client)


def test_a_new_password_ends_the_other_sessions(organisation: Organisation, recorded: Recorded) -> None:
    here, elsewhere = Client(), Client()
    sign_in(here, organisation.member)
    sign_in(elsewhere, organisation.member)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert here.post("/accounts/password/change/", form).status_code == 302
    assert _signed_in(here)
    assert not _signed_in(elsewhere)
    assert recorded("identity.person.sign_in_changed") == [
        {"person": str(organisation.member.pk), "change": "password_changed"}
    ]
    assert [message.to for message in mail.outbox] == [[organisation.member.email]]


def test_a_stale_password_change_does_not_reopen_an_account(organisation: Organisation) -> None:
    """The row was read before the account was closed; saving all of it would undo the closing."""
    stale = Person.objects.get(pk=organisation.member.pk)
    deactivate_person(actor=actor_for(organisation.operator), person=organisation.member)
    adapter.InvitedOnlyAdapter().set_password(stale, NEW)
    assert not Person.objects.get(pk=stale.pk).is_active


def test_sign_out_is_a_post(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.member)
    client.get("/accounts/logout/")
    assert _signed_in(client)
    client.post("/accounts/logout/")
    assert not _signed_in(client)


@pytest.fixture
def limits(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
    cache.clear()


@pytest.mark.usefixtures("limits")
def test_guessing_one_account_is_limited(client: Client, organisation: Organisation, recorded: Recorded) -> None:
    for number in range(5):
        _try(client, organisation.member.email, "wrong", REMOTE_ADDR=f"192.0.2.{number}")
    refused = _try(client, organisation.member.email, PASSWORD, REMOTE_ADDR="192.0.2.99")
    assert "Too many failed" in str(refused.context["form"].errors)
    assert not _signed_in(client)
    assert len(recorded("identity.person.sign_in_failed")) == 5


@pytest.mark.usefixtures("limits")
def test_a_forged_forwarded_for_does_not_reset_the_limit(client: Client, organisation: Organisation) -> None:
    for number in range(10):
        _try(client, f"someone{number}@example.test", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    refused = _try(client, organisation.member.email, PASSWORD, HTTP_X_FORWARDED_FOR="198.51.100.99")
    assert not _signed_in(client)
    assert "Too many failed" in str(refused.context["form"].errors)


def test_the_reset_link_ignores_the_host_header(client: Client, organisation: Organisation, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/accounts/password/reset/", {"email": organisation.member.email}, HTTP_HOST="evil.test")
    (message,) = mail.outbox
    assert "evil.test" not in message.body
    assert f"{settings.BAILIWICK_BASE_URL}/accounts/password/reset/key/" in message.body


def test_the_link_works_once_and_not_for_ever(client: Client, organisation: Organisation, settings: Any) -> None:
    client.post("/accounts/password/reset/", {"email": organisation.member.email})
    path = re.search(r"https?://[^/]+(/\S+)", str(mail.outbox[0].body)).group(1)  # type: ignore[union-attr]
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 60), tick=True):
        assert client.get(path, follow=True).context["token_fail"]
    form_page = client.get(path)
    done = client.post(form_page.headers["Location"], {"password1": NEW, "password2": NEW})
    assert done.headers["Location"] == "/accounts/password/reset/key/done/"
    assert Client().get(path, follow=True).context["token_fail"]
    sign_in(Client(), organisation.member, NEW)


def test_an_unusable_password_signs_nobody_in(client: Client, organisation: Organisation) -> None:
    stored = make_password(None)
    Person.objects.filter(pk=organisation.member.pk).update(password=stored)
    for guess in ("", "!", stored):
        _try(client, organisation.member.email, guess)
    assert not _signed_in(client)


def test_a_failed_sign_in_with_a_nul_is_no_fault(client: Client, organisation: Organisation) -> None:
    assert _try(client, "a\0b@example.test", "x\0y").status_code == 200
    service.record_failed_sign_in(email="")
