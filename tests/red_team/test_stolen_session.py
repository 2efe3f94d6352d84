"""R65 and R67 further: what a copy of somebody's session cookie is worth, also while its owner goes on working.

The thief has the session and nothing else. A proof that the owner gives must not become the thief's, and what the
thief left in the session must not be carried out by it.
"""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from portal.identity.models import Person, PersonToken
from portal.identity.services.accounts import link_accounts
from portal.identity.services.tokens import issue_token
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, KillOrder
from registry.rules.kill import OrderState, ScopeKind
from registry.services.kill import order_kill
from reports.models import Package, PackageDownload
from tests.identity.authenticator import HOST, Passkey
from tests.organisation import PASSWORD, Organisation
from tests.red_team.rows import governed
from tests.red_team.test_channel import ELSEWHERE, browser
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built
from tests.sign_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]
CONFIRM = "/accounts/reauthenticate/"


def owner_of(person: Person, **options: Any) -> Client:
    """Signed in by password, a moment ago."""
    client = Client(raise_request_exception=False, **options)
    sign_in(client, person)
    return client


def copy_of(client: Client) -> Client:
    """The same session, in the hands of somebody else."""
    thief = Client(raise_request_exception=False)
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    return thief


def grown_old(client: Client) -> Client:
    """The proof of the sign-in is six minutes old."""
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - 360} for record in session["account_authentication_methods"]
    ]
    session.save()
    return client


def to_confirm(answer: Any) -> bool:
    return bool(answer.status_code == 302 and answer.headers["Location"].startswith(f"{CONFIRM}?next="))


def test_r65_a_stolen_cookie_ends_no_stop(organisation: Organisation, agent: Agent) -> None:
    """Stopping is what a thief may do with it: the safe way asks nothing. The way back asks who is there."""
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
    page, api = f"/stops/{order.number}/", f"/api/v1/kills/{order.number}/agreements"
    before = governed()
    for person in (organisation.second_manager, organisation.security):
        thief = browser(person)
        assert to_confirm(thief.post(page, {"reason": "Let it go on."}))
        assert b"asks you to confirm who you are" in thief.get(page).content
        stale = thief.post(api, {"reason": "Let it go on."}, content_type="application/json")
        assert (stale.status_code, stale.json()["code"]) == (403, "step-up-required")
    assert governed() == before
    assert browser(organisation.security).post("/stops/all/", {"reason": "Stop."}).status_code == 302
    assert KillOrder.objects.filter(kind=ScopeKind.ALL.value, state=OrderState.ACTIVE.value).exists()


def test_r65_a_token_stops_and_ends_no_stop(organisation: Organisation, agent: Agent) -> None:
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
    _, text = issue_token(person=organisation.security, name="script", days=7)
    client = Client(headers={"Authorization": f"Bearer {text}"})
    before = governed()
    path = f"/api/v1/kills/{order.number}/agreements"
    answer = client.post(path, {"reason": "Let it go on."}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "step-up-required")
    assert governed() == before


def test_r65_the_owner_agrees_after_the_proof_with_what_was_typed(organisation: Organisation, agent: Agent) -> None:
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
    page = f"/stops/{order.number}/"
    client = grown_old(owner_of(organisation.security))
    assert to_confirm(client.post(page, {"reason": "The cause is found."}))
    done = client.post(CONFIRM, {"password": PASSWORD, "next": page})
    assert (done.status_code, done.headers["Location"]) == (302, page)
    assert order.agreements.get().reason == "The cause is found."


def test_r65_a_stolen_cookie_takes_no_records_out(organisation: Organisation) -> None:
    package = built(ask_for_package(organisation.auditor))
    one = f"/packages/PK-{package.number}/"
    thief, before = browser(organisation.auditor), governed()
    wanted = {"period": "7-days", "scope": "all", "title": ""}
    for path, fields in (("/packages/new/", wanted), (f"{one}again/", {}), (f"{one}download/", {})):
        assert to_confirm(thief.post(path, fields)), path
    for path in ("/runs/export.csv", "/approvals/oversight/export.csv", "/agents/export.yml"):
        assert to_confirm(thief.get(path)), path
    body = json.dumps({"scope": "all", "start": (database_now() - timedelta(days=1)).isoformat()})
    for answer in (
        thief.post("/api/v1/packages", body, content_type="application/json"),
        thief.get(f"/api/v1/packages/PK-{package.number}/download"),
        thief.get("/api/v1/export"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "step-up-required")
    assert governed() == before


def test_r65_the_auditor_lands_back_on_the_package_and_takes_it(organisation: Organisation) -> None:
    package = built(ask_for_package(organisation.auditor))
    page = f"/packages/PK-{package.number}/"
    client = grown_old(owner_of(organisation.auditor))
    assert "asks you to confirm who you are" in client.get(page).content.decode()
    asked = client.post(f"{page}download/")
    assert "Nothing was sent yet" in client.get(asked.headers["Location"]).content.decode()
    back = client.post(CONFIRM, {"password": PASSWORD, "next": page})
    assert back.headers["Location"] == page
    assert "asks you to confirm who you are" not in client.get(page).content.decode()
    assert not PackageDownload.objects.exists()
    assert _is_zip(client.post(f"{page}download/"))
    assert PackageDownload.objects.get().person == organisation.auditor
    again = grown_old(client).post(f"{page}again/")
    assert to_confirm(again)
    made = client.post(CONFIRM, {"password": PASSWORD, "next": f"{page}again/"})
    assert made.headers["Location"] == f"/packages/PK-{Package.objects.latest('number').number}/"


def _is_zip(answer: Any) -> bool:
    return bool(answer.getvalue().startswith(b"PK"))


def test_r65_a_token_is_for_scripts_and_takes_what_its_person_may(organisation: Organisation) -> None:
    package = built(ask_for_package(organisation.auditor))
    _, text = issue_token(person=organisation.auditor, name="nightly", days=7)
    client = Client(headers={"Authorization": f"Bearer {text}"})
    assert _is_zip(client.get(f"/api/v1/packages/PK-{package.number}/download"))
    assert client.get("/api/v1/export").status_code == 200
    assert PackageDownload.objects.get().person == organisation.auditor


def test_r65_a_copy_of_the_cookie_is_not_made_fresh_by_its_owner(organisation: Organisation) -> None:
    """The proof gives the session another key: the copy is of a session that is no more."""
    owner = grown_old(owner_of(organisation.auditor))
    thief = copy_of(owner)
    assert thief.get("/packages/").status_code == 200
    was = owner.cookies["sessionid"].value
    assert owner.post(CONFIRM, {"password": PASSWORD, "next": "/packages/"}).headers["Location"] == "/packages/"
    assert owner.cookies["sessionid"].value != was
    assert not Session.objects.filter(session_key=was).exists()
    assert thief.get("/packages/").headers["Location"].startswith("/accounts/login/")
    assert owner.get("/runs/export.csv").status_code == 200
    listed = UserSession.objects.filter(user=organisation.auditor).values_list("session_key", flat=True)
    assert list(listed) == [owner.cookies["sessionid"].value], "the page of sessions goes on knowing it"


def test_r65_a_wrong_proof_changes_nothing(organisation: Organisation) -> None:
    owner = grown_old(owner_of(organisation.auditor))
    was = owner.cookies["sessionid"].value
    assert owner.post(CONFIRM, {"password": "wrong", "next": "/packages/"}).status_code == 200
    assert owner.cookies["sessionid"].value == was
    assert to_confirm(owner.get("/runs/export.csv"))


def test_r65_what_a_thief_left_in_the_session_is_not_carried_out_by_the_owners_proof(
    organisation: Organisation,
) -> None:
    """Deeds of the portal: whatever asks next forgets what was kept before."""
    owner = grown_old(owner_of(organisation.auditor))
    thief = copy_of(owner)
    assert to_confirm(thief.post("/settings/tokens/new/", {"name": "thief's", "days": "30"}))
    assert to_confirm(owner.get("/runs/export.csv"))
    owner.post(CONFIRM, {"password": PASSWORD, "next": "/settings/tokens/new/"})
    assert not PersonToken.objects.exists()


def test_r65_nor_is_a_key_of_the_thief_added_by_it(organisation: Organisation) -> None:
    """allauth keeps a form that adds a key and would carry it out when its owner next confirms to add one."""
    person, add = organisation.auditor, "/accounts/2fa/webauthn/add/"
    owner = grown_old(owner_of(person))
    thief = copy_of(owner)
    assert to_confirm(thief.post(add, {"name": "thief's", "credential": "{}"}))
    assert "thief" in json.dumps(dict(owner.session.items()))
    owner.get(add)
    answer = owner.post(CONFIRM, {"password": PASSWORD, "next": add})
    assert (answer.status_code, answer.headers["Location"]) == (302, add), "shown anew, not carried out"
    assert "thief" not in owner.get(add).content.decode()
    assert not Authenticator.objects.exists()


def test_r65_the_password_proves_nothing_beside_a_second_factor(organisation: Organisation) -> None:
    """Whoever has cookie and password sees no recovery codes, and adds and removes no key."""
    person = organisation.auditor
    Passkey().add_to(person)
    RecoveryCodes.activate(person)
    thief = browser(person)
    key = person.authenticator_set.get(type=Authenticator.Type.WEBAUTHN)  # type: ignore[attr-defined]  # allauth's
    offered = thief.get("/accounts/2fa/webauthn/reauthenticate/").content.decode()
    assert "Use your password" not in offered
    assert thief.post(CONFIRM, {"password": PASSWORD, "next": "/"}).headers["Location"].startswith("/accounts/2fa/")
    remove = reverse("mfa_remove_webauthn", args=[key.pk])
    names = ("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_add_webauthn")
    for path in (remove, *map(reverse, names)):
        answer = thief.get(path)
        assert answer.headers["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/?next="), path


def test_r65_the_passkey_of_a_linked_account_is_no_proof_of_this_one(organisation: Organisation) -> None:
    """One person with two accounts: each proves itself."""
    first, second = organisation.auditor, organisation.operator
    link_accounts(actor=SYSTEM, first=first, second=second, reason="One person.")
    mine, other = Passkey(), Passkey()
    mine.add_to(first)
    other.add_to(second)
    client = browser(first, headers={"host": HOST})
    for key, proves in ((other, False), (mine, True)):
        path = "/accounts/2fa/webauthn/reauthenticate/"
        said = re.search(r'id="js_data" type="application/json">(.*?)</script>', client.get(path).content.decode())
        assert said is not None
        answer = key.answer(json.loads(said[1])["request_options"])
        done = client.post(path, {"credential": json.dumps(answer), "next": "/packages/"})
        assert (done.headers["Location"] == "/packages/") is proves
        assert (client.get("/runs/export.csv").status_code == 200) is proves


def test_r65_nor_is_its_password(organisation: Organisation) -> None:
    first, second = organisation.auditor, organisation.operator
    second.set_password("another passphrase altogether")
    second.save()
    link_accounts(actor=SYSTEM, first=first, second=second, reason="One person.")
    client = browser(first)
    assert client.post(CONFIRM, {"password": "another passphrase altogether", "next": "/"}).status_code == 200
    assert to_confirm(client.get("/runs/export.csv"))


def test_r65_confirming_takes_the_csrf_token(organisation: Organisation) -> None:
    client = browser(organisation.auditor, enforce_csrf_checks=True)
    for path in (CONFIRM, "/accounts/2fa/reauthenticate/", "/accounts/2fa/webauthn/reauthenticate/"):
        assert client.post(path, {"password": PASSWORD}).status_code == 403, path
    assert client.get("/runs/export.csv").status_code == 302


def test_r67_a_proof_leads_to_a_page_of_this_site_only(organisation: Organisation) -> None:
    """By code as by password; by passkey the same mixin decides."""
    person = organisation.auditor
    Passkey().add_to(person)
    codes = iter(RecoveryCodes.activate(person).get_unused_codes())
    for target in ELSEWHERE[:8]:
        client = browser(person)
        path = "/accounts/2fa/reauthenticate/"
        answer = client.post(path, {"code": next(codes), "next": target}, query_params={"next": target})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/"), target
