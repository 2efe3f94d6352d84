"""Being away in a real browser, and two accounts that are one person: at the desk and on a phone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from portal.ledger.selectors.entries import database_now
from tests.approvals.asking import opened
from tests.approvals.standing_in import away
from tests.browser.test_registry import sign_in
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}


def test_say_it_stand_in_and_end_it(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    request = opened(credential_for(organisation, active_agent(organisation)))
    away(organisation.second_approver, organisation.member, by=organisation.manager, reason="Ill since Monday.")
    away(organisation.security, organisation.approver, starts_at=database_now() + timedelta(hours=3))
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/settings/")
    page.get_by_role("link", name="Away").click()
    page.get_by_role("link", name="I will be away").click()
    page.get_by_label("Who decides meanwhile?").select_option(label="Eli Member")
    page.get_by_label("To (UTC)").fill("2020-01-01T10:00")
    page.get_by_label("Why?").fill("On leave until the new year, in the mountains.")
    page.get_by_role("button", name="Record my absence").click()
    expect(page.get_by_label("Why?")).to_have_value("On leave until the new year, in the mountains.")
    look_over(page, "away-refused")
    page.get_by_label("To (UTC)").fill((database_now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Record my absence").click()
    expect(page.locator("#messages")).to_contain_text("Eli Member decides for Cleo Approver")
    look_over(page, "away")
    page.set_viewport_size(PHONE)
    look_over(page, "away-phone")
    page.context.clear_cookies()
    sign_in(page, live_server.url, organisation.member.email)
    page.goto(f"{live_server.url}/approvals/{request.label}/")
    look_over(page, "request-for-somebody-phone")
    page.goto(f"{live_server.url}/approvals/away/")
    page.get_by_role("row", name="Cleo Approver").get_by_role("link", name="End it").click()
    look_over(page, "away-end-phone")
    page.get_by_role("button", name="End it").click()
    expect(page.locator("#messages")).to_contain_text("It has ended")


def test_two_accounts_are_one_person(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    sign_in(page, live_server.url, organisation.operator.email)
    page.goto(f"{live_server.url}/settings/people/{organisation.approver.pk}/")
    page.get_by_role("link", name="Link another account").click()
    look_over(page, "link-accounts")
    page.get_by_label("E-mail address of the other account").fill(organisation.second_approver.email)
    page.get_by_label("How do you know?").fill("Both belong to the same badge.")
    page.get_by_role("button", name="Look at both").click()
    expect(page.get_by_text("This cannot be undone")).to_be_visible()
    look_over(page, "link-accounts-sure")
    page.set_viewport_size(PHONE)
    look_over(page, "link-accounts-sure-phone")
    page.get_by_role("button", name="They are one person").click()
    expect(page.locator("#accounts")).to_contain_text("Dev Approver")
    look_over(page, "person-with-accounts-phone")
