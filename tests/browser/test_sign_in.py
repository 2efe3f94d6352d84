"""The account pages in a real browser: sign in, second step, passkey, sessions, sign out, under the real policy."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.identity.models import Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.urls("tests.browser.account_urls"),
    pytest.mark.django_db(transaction=True),
]

EMAIL, PASSWORD = "maya@example.org", "a long enough passphrase"
LookOver = Callable[[Page, str], None]


@pytest.fixture
def maya() -> Person:
    return Person.objects.create_user(EMAIL, PASSWORD, name="Maya Okafor")


def sign_in(page: Page, site: LiveServer, then: str) -> None:
    page.goto(f"{site.url}/accounts/login/?next={then}")
    page.get_by_label("E-mail").or_(page.get_by_label("Email")).fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda at: "/accounts/login/" not in at)


def confirm(page: Page, look_over: LookOver) -> None:
    """Prove once more who it is: changing the ways to sign in always asks."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    look_over(page, "account-confirm")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def code_for(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


@pytest.mark.parametrize("path", ["login", "password/reset", "password/reset/done", "signup", "inactive"])
def test_pages_before_signing_in(page: Page, live_server: LiveServer, look_over: LookOver, path: str) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{live_server.url}/accounts/{path}/")
    look_over(page, f"account-{path.replace('/', '-')}")


def test_a_wrong_password_keeps_the_address(
    page: Page, live_server: LiveServer, maya: Person, look_over: LookOver
) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.locator("input[type=email]").fill(EMAIL)
    page.locator("input[type=password]").fill("not the passphrase")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("input[type=email]")).to_have_value(EMAIL)
    expect(page.get_by_role("alert")).to_be_visible()
    look_over(page, "account-login-wrong")


@pytest.mark.parametrize("path", ["password/change", "2fa", "sessions", "logout", "2fa/webauthn"])
def test_pages_of_a_signed_in_person(
    page: Page, live_server: LiveServer, maya: Person, look_over: LookOver, path: str
) -> None:
    sign_in(page, live_server, f"/accounts/{path}/")
    assert urlsplit(page.url).path == f"/accounts/{path}/"
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    look_over(page, f"account-{path.replace('/', '-')}")


def test_authenticator_app_recovery_codes_and_second_step(
    page: Page, live_server: LiveServer, maya: Person, look_over: LookOver
) -> None:
    sign_in(page, live_server, "/accounts/2fa/totp/activate/")
    confirm(page, look_over)
    secret = page.locator("#authenticator_secret").input_value()
    look_over(page, "account-totp")
    page.get_by_label("Authenticator code").or_(page.get_by_label("Code")).fill(code_for(secret))
    page.get_by_role("button", name="Activate").click()
    page.goto(f"{live_server.url}/accounts/2fa/recovery-codes/")
    look_over(page, "account-recovery-codes")
    page.goto(f"{live_server.url}/accounts/2fa/")
    look_over(page, "account-2fa-on")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("login"))
    sign_in(page, live_server, "/accounts/2fa/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
    look_over(page, "account-second-step")
    assert parse_qs(urlsplit(page.url).query).get("next", ["/accounts/2fa/"]) == ["/accounts/2fa/"]


def test_a_passkey_can_be_added_and_used(
    page: Page, live_server: LiveServer, maya: Person, look_over: LookOver
) -> None:
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    keys.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    # The live server answers on a name, localhost: a passkey cannot belong to a bare address.
    sign_in(page, live_server, "/accounts/2fa/webauthn/add/")
    confirm(page, look_over)
    look_over(page, "account-passkey-add")
    expect(page.get_by_label("It asks for my finger, face or PIN")).to_be_checked()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile("recovery|webauthn/$"))
    page.goto(f"{live_server.url}/accounts/2fa/webauthn/")
    look_over(page, "account-passkeys")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{live_server.url}/accounts/login/?next=/accounts/2fa/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile("/accounts/2fa/$"))
