"""The filters of a list in a real browser: all of them at the desk, one line on a phone, and without scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.approvals.asking import opened
from tests.browser.test_registry import sign_in
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_on_a_phone_the_filters_take_one_line_above_the_first_request(
    page: Page, live_server: LiveServer, organisation: Organisation
) -> None:
    request = opened(credential_for(organisation, active_agent(organisation)))
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/approvals/")
    expect(page.get_by_label("Search")).to_be_visible()
    expect(page.get_by_text("Filters", exact=True)).not_to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_label("Search")).not_to_be_visible()
    bar = page.locator("form.filters").bounding_box()
    assert bar is not None
    assert bar["height"] < 64
    expect(page.locator(f"#row-{request.number}")).to_be_in_viewport()
    # The key that leads to the search opens what it stands in.
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


def test_without_scripts_they_open_and_say_what_is_in_force(
    browser: Browser, live_server: LiveServer, organisation: Organisation
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/approvals/?show=pending")
    line = page.locator("form.filters summary")
    expect(line).to_have_text(re.compile(r"Filters\s*Show: All waiting"))
    expect(page.get_by_label("Risk")).not_to_be_visible()
    line.click()
    page.get_by_label("Risk").select_option("high")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page).to_have_url(re.compile("risk=high"))
    expect(line).to_contain_text("Risk: High")
    # Something narrows the list: they stand open.
    expect(page.get_by_label("Risk")).to_be_visible()
    context.close()
