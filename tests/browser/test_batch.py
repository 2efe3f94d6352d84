"""Editing a call and deciding several together in a real browser: axe, a phone's width, and one that changed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import RequestState, Verdict
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.browser.seeing import see_all
from tests.browser.test_inbox import sign_in
from tests.organisation import Organisation, credential_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def three(token: str) -> list[ApprovalRequest]:
    commands = ("gh pr merge 7 --squash", "gh pr merge 8 --squash", "npm install left-pad@1.3.0")
    return [opened(token, command, initiator="member@example.test", session_id=command) for command in commands]


def read_all(page: Page) -> None:
    """Approving opens when every part was on the screen."""
    expect(page.get_by_role("button", name="Approve all")).to_be_visible()
    see_all(page)


def test_a_batch_with_one_changed_item(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """R50: one of them is denied by somebody else while the page stands open; nothing is recorded, it says which."""
    first, second, third = three(token)
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/approvals/batch/?n={first.number}&n={second.number}&n={third.number}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Decide 3 requests together")
    look_over(page, "batch")
    review(second, organisation.second_approver, Verdict.DENY)
    page.get_by_label("Reason, the same for all of them").fill("Three small ones, all read.")
    approve = page.get_by_role("button", name="Approve all 3")
    expect(approve).to_have_attribute("aria-disabled", "true")
    read_all(page)
    expect(approve).not_to_have_attribute("aria-disabled", "true")
    approve.click()
    expect(page.get_by_role("alert")).to_contain_text(f"{second.label} stands in the way, so none of the 3 was decided")
    expect(page.get_by_label("Reason, the same for all of them")).to_have_value("Three small ones, all read.")
    assert Review.objects.exclude(request=second).count() == 0
    look_over(page, "batch-changed")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "batch-changed-phone")
    read_all(page)
    page.get_by_role("button", name="Approve all 2").click()
    expect(page.get_by_text(f"{first.label}, {third.label} are approved")).to_be_visible()
    states = ApprovalRequest.objects.filter(pk__in=[first.pk, third.pk]).values_list("state", flat=True)
    assert set(states) == {RequestState.APPROVED.value}


def test_editing_a_call(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """The difference stands there before it is sent; what came of it is read on its own page, and approved there."""
    asked = three(token)[0]
    sign_in(page, live_server.url, organisation.approver.email)
    page.goto(f"{live_server.url}/approvals/{asked.label}/edit/")
    look_over(page, "edit")
    page.get_by_label("Command").fill("gh pr merge 7 --rebase")
    page.get_by_role("button", name="Show the difference").click()
    expect(page.get_by_role("heading", name="What the agent is told")).to_be_visible()
    look_over(page, "edit-difference")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "edit-difference-phone")
    page.get_by_label("Reason").fill("We rebase in this repository.")
    page.get_by_role("button", name=f"Replace {asked.label} with this").click()
    expect(page.get_by_text("Nothing is approved yet")).to_be_visible()
    edited = ApprovalRequest.objects.get(replaces=asked)
    assert page.url == f"{live_server.url}/approvals/{edited.label}/"
    assert (edited.state, edited.arguments["command"]) == (RequestState.PENDING, "gh pr merge 7 --rebase")
    expect(page.get_by_text(f"{asked.label} has ended and can no longer be approved")).to_be_visible()
    look_over(page, "request-edited-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    look_over(page, "request-edited")
    page.get_by_label("Reason").fill("Read as it stands here.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"{edited.label} is approved")).to_be_visible()
    assert bytes(Review.objects.get().view_hash) == bytes(edited.view_hash)
    page.goto(f"{live_server.url}/approvals/{asked.label}/")
    expect(page.get_by_text("took its place and is decided by itself")).to_be_visible()
    look_over(page, "request-replaced")
