"""Use, recertification and backtests in a real browser: the manager's way through them, and each page by axe."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.jobs.backtest import run_backtest
from approvals.jobs.count_use import count_one
from approvals.services.backtest import beat, claim, queue_backtest
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.services.recertification import open_campaign
from tests.approvals.asking import ask
from tests.approvals.proposing import proposed
from tests.browser.test_policies import sign_in
from tests.organisation import Organisation, active_agent, credential_for, policy_document

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]


def _worked(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    for number in range(4):
        ask(token, f"pytest -q tests/{number}", initiator="member@example.test")
    ask(token, "git push origin feature/tidy")
    ask(token, "git push origin feature/tidy", repository="acme/billing")


def _narrow(page: Page, check: Callable[[Page], None]) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_manager_sees_use_and_looks_at_it_again(
    page: Page,
    live_server: LiveServer,
    organisation: Organisation,
    look_over: LookOver,
    no_sideways: Callable[[Page], None],
) -> None:
    agent = active_agent(organisation, "Counted", policy=policy_document(repositories=["acme/payments", "acme/old"]))
    active_agent(organisation, "Other")
    _worked(organisation, agent)
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/use/")
    expect(page.get_by_text("Not counted yet")).to_be_visible()
    look_over(page, "use-not-counted")
    count_one(agent.pk)
    page.reload()
    expect(page.get_by_role("row", name="acme/old")).to_contain_text("Never needed")
    look_over(page, "use")
    _narrow(page, no_sideways)
    page.get_by_role("link", name="Remove Repository acme/old").click()
    look_over(page, "use-remove")
    page.get_by_role("button", name="Remove it now").click()
    expect(page.get_by_text("revision 2 is in force")).to_be_visible()
    page.goto(f"{live_server.url}/recertification/start/")
    look_over(page, "recertification-start")
    page.get_by_label("Team").select_option(label="Payments")
    page.get_by_label("Due on").fill((database_now().date() + timedelta(days=5)).isoformat())
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Payments")
    page.goto(f"{page.url}?agent={agent.slug}")
    look_over(page, "recertification")
    _narrow(page, no_sideways)
    page.get_by_role("button", name="Remove Model *").click()
    expect(page.get_by_text("is taken away from Counted")).to_be_visible()
    page.get_by_role("link", name="Choose all").click()
    page.get_by_label("Reason for keeping").fill("All of it is needed.")
    page.get_by_role("button", name="Keep what is chosen").click()
    expect(page.get_by_role("cell", name="Removed")).to_be_visible()
    page.goto(f"{live_server.url}/recertification/")
    look_over(page, "recertifications")
    page.goto(f"{live_server.url}/")
    expect(page.get_by_text("undecided")).to_be_visible()


def test_a_backtest_is_followed_to_its_end(
    page: Page,
    live_server: LiveServer,
    organisation: Organisation,
    look_over: LookOver,
    no_sideways: Callable[[Page], None],
) -> None:
    agent = active_agent(organisation)
    _worked(organisation, agent)
    proposal = proposed(organisation, agent)
    queue_backtest(proposal_id=proposal.pk)
    sign_in(page, live_server.url, organisation.second_manager.email)
    page.goto(f"{live_server.url}/policies/proposals/{proposal.number}/")
    expect(page.get_by_text("as soon as a worker is free")).to_be_visible()
    job = claim(proposal_id=proposal.pk)
    assert job is not None
    assert beat(proposal_id=proposal.pk, attempt=job.attempt, done=3, total=6)
    expect(page.get_by_text("3 of 6 checks")).to_be_visible()
    look_over(page, "backtest-running")
    type(job).objects.update(state="queued")
    run_backtest(proposal.pk)
    expect(page.get_by_text("6 recorded checks were asked again")).to_be_visible()
    look_over(page, "backtest-done")
    _narrow(page, no_sideways)


def test_a_page_of_its_own_without_scripts(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    _worked(organisation, agent)
    proposal = proposed(organisation, agent)
    queue_backtest(proposal_id=proposal.pk)
    run_backtest(proposal.pk)
    sign_in(page, live_server.url, organisation.auditor.email)
    page.goto(f"{live_server.url}/approvals/backtests/{proposal.number}/")
    expect(page.get_by_text("Newly allowed").first).to_be_visible()
    look_over(page, "backtest-alone")


def test_a_campaign_of_a_team_with_nothing_counted(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    due_on = database_now().date() + timedelta(days=3)
    campaign = open_campaign(actor=organisation.security, team=organisation.payments, due_on=due_on)
    sign_in(page, live_server.url, organisation.security.email)
    page.goto(f"{live_server.url}/recertification/{campaign.number}/")
    expect(page.get_by_text("A manager of Payments decides these.")).to_be_visible()
    look_over(page, "recertification-seen-by-security")
    page.get_by_role("link", name="Cancel").click()
    look_over(page, "recertification-cancel")
