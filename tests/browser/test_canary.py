"""A canary in a real browser: like any other until it is decided, then told at once, kindly, and nothing came of it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Canary, Grant
from approvals.rules.canary import TEMPLATES, CanaryOutcome
from registry.models import Agent
from tests.approvals.asking import opened
from tests.approvals.exceptional import planted_like
from tests.browser.seeing import see_all
from tests.browser.test_inbox import sign_in
from tests.organisation import Organisation, credential_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]


@pytest.fixture
def real(organisation: Organisation, agent: Agent) -> ApprovalRequest:
    """What an agent really asked: the request beside which the canary stands."""
    return opened(credential_for(organisation, agent))


def waiting(page: Page, number: int) -> None:
    """The badge in the navigation and the inbox's own list say how many wait for the reader."""
    expect(page.get_by_role("link", name=re.compile(r"^Approvals")).first).to_contain_text(str(number))


def decide(page: Page, canary: ApprovalRequest, button: str, reason: str) -> None:
    expect(page.get_by_text(re.compile("canary|planted", re.IGNORECASE))).to_have_count(0)
    see_all(page)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=button, exact=True).click()


def test_approving_one_grants_nothing_and_is_told_at_once_and_kindly(
    page: Page, live_server: LiveServer, organisation: Organisation, real: ApprovalRequest, look_over: LookOver
) -> None:
    canary = planted_like(real)
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/{canary.label}/")
    waiting(page, 2)
    decide(page, canary, "Approve", "Looks like what it always asks for.")
    gave_away = TEMPLATES["typo-squat"].gave_away
    expect(
        page.get_by_text(f"{canary.label} was a canary, which ought to be denied. Nothing was granted.")
    ).to_be_visible()
    expect(page.get_by_text(gave_away)).to_be_visible()
    expect(page.locator(".message--warning")).to_have_count(1)
    expect(page.locator(".message--success")).to_have_count(0)
    waiting(page, 1)
    assert not Grant.objects.exists()
    assert Canary.objects.get().outcome == CanaryOutcome.MISSED.value
    look_over(page, "canary-approved")
    page.get_by_role("link", name="What gave it away").click()
    expect(page.get_by_role("heading", name=f"{canary.label} was a canary")).to_be_visible()
    expect(page.get_by_text("that happens to everybody who decides a lot")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "canary-missed-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Back to the inbox").click()
    expect(page.get_by_text(real.label, exact=True).first).to_be_visible()
    expect(page.get_by_text(canary.label, exact=True)).to_have_count(0)
    waiting(page, 1)


def test_denying_one_catches_it(
    page: Page, live_server: LiveServer, organisation: Organisation, real: ApprovalRequest, look_over: LookOver
) -> None:
    canary = planted_like(real)
    sign_in(page, live_server.url, organisation.second_approver.email, f"/approvals/{canary.label}/")
    decide(page, canary, "Deny", "The package's name is misspelt.")
    expect(page.get_by_text(f"{canary.label} was a canary, planted to be caught, and you caught it.")).to_be_visible()
    waiting(page, 1)
    assert Canary.objects.get().outcome == CanaryOutcome.CAUGHT.value
    look_over(page, "canary-caught")
    page.get_by_role("link", name="What gave it away").click()
    expect(page.get_by_text("Well seen")).to_be_visible()
