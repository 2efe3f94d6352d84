"""A stop in a real browser: ordered, watched while it takes hold, and looked over by axe and at 320 px."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.ledger.events import instant
from portal.ledger.selectors.entries import database_now
from portal.tasks import seal_log
from registry.models import EnforcementPoint, KillOrder
from registry.services.lease import Point, hold_lease
from tests.browser.test_registry import sign_in
from tests.organisation import Organisation, active_agent, credential_for
from tests.reports.reporting import Reporter, body, event

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_stop_is_watched_while_it_takes_hold(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: Callable[[Page, str], None]
) -> None:
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    points = [Point(name=f"runner-{number}-of-the-build-farm", kind="ci") for number in range(2)]
    for point in points:
        hold_lease(token=token, point=point)
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/stop/")
    expect(page.locator(".stop-time")).to_have_text("At most 30 s")
    # However long the looks take on this machine: the leases last longer.
    EnforcementPoint.objects.update(lease_expires_at=database_now() + timedelta(hours=1))
    page.get_by_label("Reason").fill("It edits the wrong folder.")
    page.get_by_role("button", name="Stop Payments Refactorer now").click()
    status = page.locator("#kill-progress [role=status]")
    expect(status).to_contain_text("2 enforcement points may still go on")
    look_over(page, "kill-stopping")
    for point in points:
        assert hold_lease(token=token, point=point).stopped
    # Nothing is loaded again: the part asks by itself.
    expect(status).to_contain_text("Every enforcement point with a lease has heard of it")
    expect(page.locator("#kill-progress")).to_contain_text("2 told, 0 by the end of the lease")
    ran = event("ran", at=instant(database_now()), tool="Bash", outcome="ok")
    assert Reporter(token).send(body(ran)).status_code == 200
    seal_log()
    expect(page.locator("#kill-progress")).to_contain_text("Activity after the stop")
    look_over(page, "kill-stopped")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Certificate (PDF)").click()
    number = KillOrder.objects.get().number
    assert taken.value.suggested_filename == f"stop-{number}-certificate.pdf"
