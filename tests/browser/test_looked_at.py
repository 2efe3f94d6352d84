"""What counts as looked at, in a real browser: long texts piece by piece, a batch as a whole, by the portal's clock."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Review
from approvals.services.check import Call, decide
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from tests.approvals.asking import opened
from tests.browser.seeing import see_all
from tests.browser.test_inbox import sign_in
from tests.organisation import Organisation, credential_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def long_file(token: str) -> ApprovalRequest:
    """A workflow of 2,000 lines that the agent wants to write."""
    body = "\n".join(f"line {number}" for number in range(2000))
    call = Call(
        tool="Write",
        tool_input={"file_path": "/work/payments/.github/workflows/ci.yml", "content": body},
        session_id="long",
        cwd="/work/payments",
        repository="acme/payments",
        branch="feature/tidy",
    )
    request = decide(token=token, call=call).request
    assert request is not None
    return request


def test_a_jump_to_the_end_of_a_long_file_is_not_having_seen_it(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    asked = long_file(token)
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{asked.number}/")
    page.get_by_role("link", name="Write a reason").click()
    page.get_by_label("Reason").fill("I have jumped to its end.")
    expect(page.get_by_role("button", name="Approve")).to_have_attribute("aria-disabled", "true")
    said = page.locator("[data-unseen-said]").inner_text()
    parts = re.match(r"(\d+) parts", said)
    assert parts is not None and int(parts[1]) > 20, said
    see_all(page)
    expect(page.get_by_role("button", name="Approve")).not_to_have_attribute("aria-disabled", "true")


def test_a_batch_is_approved_once_all_of_each_was_on_the_screen(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """The seconds go to those that were in sight; one gate stands for all of them."""
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n" + "\n".join(["rm -rf tail"] * 600)
    first = opened(token, "npm install left-pad@1.3.0", session_id="one")
    second = opened(token, "gh pr create --title x --body y", session_id="two", diff=diff)
    third = opened(token, "gh pr create --title z --body y", session_id="three")
    numbers = [first.number, second.number, third.number]
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/approvals/batch/?" + "&".join(f"n={number}" for number in numbers))
    approve = page.get_by_role("button", name="Approve all 3")
    expect(approve).to_have_attribute("aria-disabled", "true")
    expect(page.locator(f'[data-looked="{first.number}"]')).to_have_value(re.compile(rf"{first.number}:[1-9]\d*:1"))
    expect(page.locator(f'[data-looked="{third.number}"]')).to_have_value(f"{third.number}:0:1")
    page.get_by_label("Reason, the same for all of them").fill("I have read all three of them.")
    approve.click(force=True)
    assert not Review.objects.exists()
    see_all(page)
    expect(approve).not_to_have_attribute("aria-disabled", "true")
    approve.click()
    expect(page.get_by_text("are approved")).to_be_visible()
    kept = {one.request_id: one for one in Review.objects.all()}
    assert (kept[first.pk].visible_seconds or 0) >= 1
    assert [kept[one.pk].unfolded for one in (first, second, third)] == [True] * 3


@pytest.mark.parametrize("minutes", [-30, 30])
def test_what_is_left_goes_by_the_clock_of_the_portal(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, minutes: int
) -> None:
    """A device that is half an hour ahead, or behind, says how long there is to decide as one that is right does."""
    asked = opened(token)
    ApprovalRequest.objects.filter(pk=asked.pk).update(expires_at=database_now() + timedelta(minutes=20, seconds=30))
    page.clock.install(time=database_now() + timedelta(minutes=minutes))
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{asked.number}/")
    left = page.locator(".request-line time[data-left]")
    expect(left).to_have_text(re.compile(r"(20|19) min left"))
    page.clock.fast_forward(15_000)
    expect(left).to_have_text(re.compile(r"(20|19) min left"))
    page.clock.fast_forward(21 * 60_000)
    expect(left).to_have_text("expired")
