"""Notices in a real browser: choose what to be told, add a channel at the desk, send again on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import Channel, Delivery
from approvals.services.deliveries import claim, mark_failed
from registry.models import Agent
from tests.browser.test_registry import sign_in
from tests.organisation import Organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]


def test_choose_what_to_be_told(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/settings/")
    page.get_by_role("link", name="Notices").click()
    look_over(page, "notices")
    page.get_by_label("A request that I started has been settled").uncheck()
    page.get_by_label("Together, each morning at 8").check()
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("quiet hours begin and end")).to_be_visible()
    expect(page.get_by_label("A request that I started has been settled")).not_to_be_checked()
    page.get_by_label("Quiet to").fill("07:30")
    page.get_by_label("Time zone").select_option("Europe/Madrid")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_contain_text("Saved")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Madrid")
    page.get_by_role("button", name="Send me a test mail").click()
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("Waiting")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "notices-phone")


def test_add_a_channel_and_send_again(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/approvals/channels/")
    look_over(page, "channels-none")
    page.get_by_role("link", name="Add a channel").first.click()
    page.get_by_label("What it is told of").select_option(f"agent:{agent.slug}")
    page.get_by_label("Kind").select_option("webhook")
    page.get_by_label("Name").fill("Callback of the refactorer")
    page.get_by_label("Address").fill("https://10.0.0.1:8080/calls")
    page.get_by_role("button", name="Add the channel").click()
    expect(page.get_by_text("Port 8080 is not allowed")).to_be_visible()
    look_over(page, "channel-refused")
    page.get_by_label("Address").fill("https://hooks.example.com/calls/of/the/refactorer")
    page.get_by_role("button", name="Add the channel").click()
    secret = page.locator(".code code").first.inner_text()
    assert secret.startswith("whsec_")
    look_over(page, "channel-secret")
    page.get_by_role("link", name="I have copied it").click()
    assert secret not in page.content()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("Waiting")
    mark_failed(claim(), "The name leads to an address that is not of the public internet.", final=True)
    page.reload()
    look_over(page, "channel")
    page.get_by_role("link", name="Deliveries").click()
    look_over(page, "deliveries")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "deliveries-phone")
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#messages")).to_contain_text("tried again")
    assert Delivery.objects.get().state == "waiting"
    page.get_by_role("link", name="Channels").last.click()
    look_over(page, "channels-phone")
    page.get_by_role("link", name="Callback of the refactorer").click()
    page.get_by_role("link", name="Change").click()
    look_over(page, "channel-change-phone")
    page.go_back()
    page.get_by_role("link", name="End it").click()
    look_over(page, "channel-end-phone")
    page.get_by_role("button", name="End it").click()
    expect(page.locator("#messages")).to_contain_text("told nothing more")
    assert Channel.objects.get().ended_at is not None
