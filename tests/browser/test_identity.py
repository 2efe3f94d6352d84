"""Signing in, settings, people and home in a real browser: by keyboard, in light and dark, on a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.identity.models import Person
from tests.organisation import PASSWORD, Organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]

PAGES = {
    "home": "/",
    "account": "/settings/",
    "tokens": "/settings/tokens/",
    "people": "/settings/people/",
    "invite": "/settings/people/invite/",
    "teams": "/settings/teams/",
    "team": "/settings/teams/payments/",
    "new-team": "/settings/new-team/",
}


def _tab_to(page: Page, name: str) -> None:
    for _ in range(8):
        if page.evaluate("document.activeElement.name") == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the field {name} cannot be reached with Tab")


def _by_keyboard(page: Page, site: LiveServer, person: Person, then: str = "/settings/") -> None:
    """Sign in without a mouse: tab to the fields, type, press Enter."""
    page.goto(f"{site.url}{then}")
    page.wait_for_url(re.compile("/accounts/login/"))
    _tab_to(page, "login")
    page.keyboard.type(person.email)
    _tab_to(page, "password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}{then}")


def test_sign_in_by_keyboard_and_make_a_token(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    _by_keyboard(page, live_server, organisation.member, "/settings/tokens/")
    page.get_by_label("What is it for?").fill("nightly export")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new token")
    expect(page.get_by_text(re.compile(r"^bwp_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$"))).to_be_visible()
    look_over(page, "identity-token-shown")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("row", name=re.compile("nightly export"))).to_contain_text("Valid")


@pytest.mark.parametrize("width", [1280, 320])
def test_the_pages_of_an_operator(
    page: Page,
    live_server: LiveServer,
    organisation: Organisation,
    look_over: LookOver,
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    _by_keyboard(page, live_server, organisation.operator)
    for name, path in {**PAGES, "person": f"/settings/people/{organisation.manager.pk}/"}.items():
        page.goto(f"{live_server.url}{path}")
        page.wait_for_load_state("networkidle")
        look_over(page, f"identity-{name}-{width}")


def test_closing_an_account_says_what_it_touches(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    _by_keyboard(page, live_server, organisation.operator)
    page.goto(f"{live_server.url}/settings/people/{organisation.member.pk}/")
    page.get_by_role("button", name="Close the account").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("every session")
    look_over(page, "identity-close")
    dialog.get_by_role("button", name="Close the account").click()
    expect(page.get_by_text("This account is closed")).to_be_visible()
    assert not Person.objects.get(pk=organisation.member.pk).is_active


def test_confirming_who_you_are_carries_on_with_the_form(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver, settings: object
) -> None:
    _by_keyboard(page, live_server, organisation.member, "/settings/tokens/")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0  # type: ignore[attr-defined]
    page.get_by_label("What is it for?").fill("nightly export")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    look_over(page, "identity-confirm")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300  # type: ignore[attr-defined]
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new token")
