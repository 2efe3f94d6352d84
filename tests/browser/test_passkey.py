"""Passkeys in a real browser, with Chromium's own virtual authenticator: adding one, and signing a decision with it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from playwright.sync_api import CDPSession, Page, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import Verdict
from approvals.services.review import PasskeyRequired, add_review
from portal.identity.bound_proof import Assertion, holds
from portal.identity.models import Person
from portal.identity.rules.bound import challenge, unpack
from portal.identity.services.tokens import issue_token
from portal.ledger.models import Entry
from registry.models import Agent
from tests.approvals.asking import opened
from tests.approvals.rulebooks import in_force
from tests.browser.seeing import see_all
from tests.identity.authenticator import Passkey
from tests.organisation import PASSWORD, Organisation, credential_for
from tests.sign_in import sign_in as sign_in_client

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LookOver = Callable[[Page, str], None]
FORCE = "git push --force"  # cannot be undone, and the rulebook here asks a passkey for that
WHY = "I have read the whole of it, and it is what we agreed."


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    in_force(organisation, {"step_up": {"irreversible": "passkey", "high": "passkey"}})
    return credential_for(organisation, agent)


@dataclass
class Key:
    """The authenticator of the page's browser."""

    session: CDPSession
    id: str

    def verifies(self, verified: bool) -> None:
        """Whether the person shows finger, face or PIN when they are asked: without, the dialog is as cancelled."""
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": verified})

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found

    def forget(self) -> None:
        self.session.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})


@pytest.fixture
def key(page: Page) -> Key:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Key(session, made["authenticatorId"])


def sign_in(page: Page, site: LiveServer, person: Person, then: str) -> None:
    page.goto(f"{site.url}/accounts/login/?next={then}")
    page.locator("[name=login]").fill(person.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda at: "/accounts/login/" not in at)


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def add_key(page: Page, site: LiveServer, person: Person) -> None:
    """As somebody does it who has none: signs in, confirms, adds it; signed in at the end."""
    sign_in(page, site, person, "/accounts/2fa/webauthn/add/")
    confirm(page)
    page.get_by_role("button", name="Add the passkey").click()
    page.wait_for_url(re.compile("recovery-codes"))


def sign_out(page: Page) -> None:
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("login"))


def write_reason(page: Page) -> None:
    page.get_by_label("Reason").fill(WHY)
    see_all(page)


def narrow(page: Page, look_over: LookOver, name: str) -> None:
    """The same page on a telephone."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)  # for the eye alone: what moves with the width has come to rest on the picture
    look_over(page, f"{name}-390")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_from_adding_a_passkey_to_a_decision_that_it_signed(  # noqa: PLR0917  (fixtures)
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, key: Key, look_over: LookOver
) -> None:
    person, asked = organisation.approver, opened(token, FORCE)
    assert asked.step_up == "passkey"
    add_key(page, live_server, person)
    assert [one["rpId"] for one in key.credentials()] == ["localhost"]
    sign_out(page)

    page.goto(f"{live_server.url}/accounts/login/?next=/approvals/{asked.label}/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile("/approvals/AR-"))
    expect(page.get_by_text("asks your passkey to sign exactly this call")).to_be_visible()
    look_over(page, "passkey-request")
    narrow(page, look_over, "passkey-request")
    write_reason(page)

    # The dialog is cancelled: said beside the buttons, the reason kept, nothing changed.
    key.verifies(False)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("[data-passkey-problem]")).to_contain_text("did not confirm it")
    expect(page.locator("[data-passkey-problem]")).to_contain_text("Nothing was decided.")
    expect(page.get_by_label("Reason")).to_have_value(WHY)
    look_over(page, "passkey-cancelled")
    assert not Review.objects.exists()

    key.verifies(True)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/review/") else None)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"{asked.label} is approved.")).to_be_visible()
    given = Review.objects.get(request=asked)
    assert (given.person, given.verdict) == (person, Verdict.APPROVE.value)
    assert given.assertion is not None
    proof = Assertion.from_document(given.assertion)
    bound: dict[str, Any] = {"digest": bytes(asked.digest), "view_hash": bytes(asked.view_hash), "verdict": "approve"}
    assert holds(proof, person, **bound)
    stated = json.loads(unpack(proof.client_data))
    assert stated["origin"] == live_server.url
    assert unpack(stated["challenge"]) == challenge(purpose="decide", nonce=unpack(proof.nonce), **bound)
    entry = Entry.objects.get(type="approvals.review.given")
    assert json.loads(bytes(entry.bytes))["data"]["assertion"] == given.assertion
    expect(page.get_by_text("signed with a passkey")).to_be_visible()

    _serves_no_other(page, live_server, opened(token, FORCE + " origin HEAD"), sent[0])


def _serves_no_other(page: Page, site: LiveServer, other: ApprovalRequest, sent: Request) -> None:
    """The same body, posted for another request and for the same one again, by the same browser."""
    posted = parse_qs(sent.post_data or "", keep_blank_values=True)
    fields: dict[str, str | float | bool] = {name: values[0] for name, values in posted.items()}
    assert fields["proof"]
    page.goto(f"{site.url}/approvals/{other.label}/")
    fields["csrfmiddlewaretoken"] = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    fields["view_hash"] = bytes(other.view_hash).hex()
    again = page.request.post(f"{site.url}/approvals/{other.label}/review/", form=fields, headers={"Referer": page.url})
    assert again.status == 403
    assert "a second time, or for somebody else" in again.text()
    assert not Review.objects.filter(request=other).exists()


def test_whoever_has_no_passkey_is_told_before_and_nothing_else_serves(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    person, asked = organisation.approver, opened(token, FORCE)
    sign_in(page, live_server, person, f"/approvals/{asked.label}/")
    expect(page.get_by_text("Approving needs a passkey, and you have none.")).to_be_visible()
    link = page.get_by_role("link", name="Add one to your account")
    assert link.get_attribute("href") == f"/accounts/2fa/webauthn/add/?next=%2Fapprovals%2F{asked.label}%2F"
    look_over(page, "passkey-none")
    write_reason(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("[data-passkey-problem]")).to_contain_text("you have none. Add one in your account")

    body = {"verdict": "approve", "reason": WHY, "view_hash": bytes(asked.view_hash).hex()}
    session = Client(raise_request_exception=False)
    sign_in_client(session, person)  # a proof of a moment ago, and still not the one that is asked for
    form = session.post(f"/approvals/{asked.label}/review/", body)
    assert (form.status_code, "takes your passkey" in form.content.decode()) == (403, True)
    _, text = issue_token(person=person, name="script", days=7)
    path = f"/api/v1/requests/{asked.label}/reviews"
    for client in (session, Client(headers={"Authorization": f"Bearer {text}"})):
        answer = client.post(path, json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "passkey-required")
    with pytest.raises(PasskeyRequired):
        add_review(
            actor=person,
            request=asked,
            verdict=Verdict.APPROVE,
            reason=WHY,
            view_hash=bytes(asked.view_hash),
            fresh=True,
        )
    assert not Review.objects.exists()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text(f"{asked.label} is denied.")).to_be_visible()


def test_the_first_key_leads_back_to_the_request_that_asked_for_it(  # noqa: PLR0917  (fixtures)
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, key: Key, look_over: LookOver
) -> None:
    asked = opened(token, FORCE)
    sign_in(page, live_server, organisation.approver, f"/approvals/{asked.label}/")
    page.get_by_role("link", name="Add one to your account").click()
    confirm(page)
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    expect(page.get_by_label("Unused codes")).to_be_visible()
    look_over(page, "passkey-codes")
    narrow(page, look_over, "passkey-codes")
    page.get_by_role("link", name=f"Back to {asked.label}").click()
    expect(page).to_have_url(f"{live_server.url}/approvals/{asked.label}/")
    expect(page.get_by_text("Approving asks your passkey to sign exactly this call.")).to_be_visible()


def test_adding_one_and_confirming_with_it(
    page: Page, live_server: LiveServer, organisation: Organisation, key: Key, look_over: LookOver
) -> None:
    """What is cancelled is said beside the button, where it was; the passkey comes before code and password."""
    person = organisation.auditor
    sign_in(page, live_server, person, "/accounts/2fa/webauthn/add/")
    narrow(page, look_over, "passkey-confirm-password")
    confirm(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a passkey")
    look_over(page, "passkey-add")
    narrow(page, look_over, "passkey-add")
    key.verifies(False)
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("did not confirm it")
    look_over(page, "passkey-add-cancelled")
    assert key.credentials() == []
    key.verifies(True)
    page.get_by_role("button", name="Add the passkey").click()
    page.wait_for_url(re.compile("recovery-codes"))

    # A password of a moment ago proves nothing any more: the export asks for the key.
    page.goto(f"{live_server.url}/runs/?outcome=denied")
    page.get_by_role("link", name="Export").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    assert urlsplit(page.url).path == "/accounts/2fa/webauthn/reauthenticate/"
    expect(page.get_by_text("Use your password")).to_have_count(0)
    look_over(page, "passkey-confirm")
    narrow(page, look_over, "passkey-confirm")
    key.verifies(False)
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("did not confirm it")
    key.verifies(True)
    page.get_by_role("button", name="Confirm with your passkey").click()
    page.wait_for_url(f"{live_server.url}/runs/?outcome=denied")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export").click()
    assert taken.value.suggested_filename == "runs.csv"


def test_a_button_waits_until_the_scripts_are_there(page: Page, live_server: LiveServer) -> None:
    """Pressed before, it would do nothing, or send a form without a proof."""
    button = page.get_by_role("button", name="Sign in with a passkey")
    before: list[bool] = []

    def late(route: Route) -> None:
        before.append(button.is_disabled())
        route.continue_()

    page.route("**/mfa/js/webauthn.js", late)
    page.goto(f"{live_server.url}/accounts/login/")
    expect(button).to_be_enabled()
    assert before == [True]


def test_a_lost_key_leaves_the_way_by_code_and_says_what_is_wrong(
    page: Page, live_server: LiveServer, organisation: Organisation, key: Key
) -> None:
    add_key(page, live_server, organisation.auditor)
    key.forget()
    page.goto(f"{live_server.url}/accounts/2fa/webauthn/reauthenticate/?next=/packages/")
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("no key of yours is here")
    page.get_by_role("link", name="Use authenticator app or code").click()
    expect(page.locator("[name=next]")).to_have_value("/packages/")


def test_a_number_takes_no_passkeys_and_the_page_says_where_it_works(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    person, asked = organisation.approver, opened(token, FORCE)
    Passkey().add_to(person)
    number = live_server.url.replace("localhost", "127.0.0.1")
    page.goto(f"{number}/accounts/login/?next=/approvals/{asked.label}/")
    line = page.get_by_text("Passkeys do not work at this address.")
    expect(line).to_be_visible()
    expect(page.get_by_role("link", name=f"Open the portal at {live_server.url}")).to_have_attribute(
        "href", f"{live_server.url}/accounts/login/?next=/approvals/{asked.label}/"
    )
    look_over(page, "passkey-number")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("only at the portal's own name")
    page.goto(f"{live_server.url}/accounts/login/")
    expect(page.get_by_text("Passkeys do not work at this address.")).to_be_hidden()


def test_beside_the_list_the_decision_is_signed_as_well(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, key: Key
) -> None:
    """The panel of the inbox is swapped in and out: the key is asked, cancelled and asked again without leaving it."""
    person = organisation.approver
    add_key(page, live_server, person)
    first, second = opened(token, FORCE), opened(token, FORCE + " origin HEAD", session_id="session-2")
    for asked in (first, second):
        page.goto(f"{live_server.url}/approvals/")
        page.locator(f"a.row-link[href*='{asked.label}/']").click()
        expect(page.locator(f"#detail form#decision-{asked.number}")).to_be_visible()
        write_reason(page)
        if asked is first:
            key.verifies(False)
            page.get_by_role("button", name="Approve").click()
            expect(page.locator("#detail [data-passkey-problem]")).to_contain_text("Nothing was decided.")
            key.verifies(True)
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#detail").get_by_text(f"{asked.label} is approved.")).to_be_visible()
        assert urlsplit(page.url).path == "/approvals/"
    nonces = {given.assertion["nonce"] for given in Review.objects.all() if given.assertion}
    assert len(nonces) == 2
