"""What somebody is typing while the session ends: it is there again after signing in."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from registry.models import Agent
from tests.organisation import PASSWORD, Organisation, draft_agent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _sign_in(page: Page, email: str) -> None:
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")


def test_a_page_that_asks_by_itself_does_not_take_what_is_typed_with_it(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent
) -> None:
    page.goto(f"{live_server.url}/accounts/login/?next=/agents/{agent.slug}/policy/")
    _sign_in(page, organisation.manager.email)
    beside = page.locator("#difference")
    expect(beside).to_contain_text("Nothing is different")
    page.get_by_label("Reason").fill("Typed yesterday evening.")
    page.locator("#composition > summary").click()
    page.get_by_label("No hooks when the list is empty").check()
    expect(beside).to_contain_text("Composition")
    page.context.clear_cookies()
    # The difference beside the form is asked for as one types, and the answer is the sign-in page.
    page.get_by_label("Repositories", exact=True).fill("acme/payments\nacme/vault")
    page.wait_for_url("**/accounts/login/**")
    _sign_in(page, organisation.manager.email)
    page.wait_for_url(f"**/agents/{agent.slug}/policy/")
    expect(page.get_by_label("Repositories", exact=True)).to_have_value("acme/payments\nacme/vault")
    expect(page.get_by_label("Reason")).to_have_value("Typed yesterday evening.")
    expect(page.get_by_label("No hooks when the list is empty")).to_be_checked()
    expect(beside).to_contain_text("Repository acme/vault comes into scope.")
    expect(beside).to_contain_text("Composition")


def test_a_draft_is_kept_as_it_is_typed(page: Page, live_server: LiveServer, organisation: Organisation) -> None:
    draft = draft_agent(organisation)
    scope = f"/agents/{draft.slug}/register/scope/"
    page.goto(f"{live_server.url}/accounts/login/?next={scope}")
    _sign_in(page, organisation.manager.email)
    beside = page.locator("#charter")
    repositories = page.get_by_label("Repositories", exact=True)
    # Twice: the second time goes by what the first one kept.
    for typed in ("acme/first", "acme/second"):
        repositories.fill(typed)
        expect(beside).to_contain_text(f"in {typed} on")
        expect(beside).to_contain_text("Kept as a draft.")
    page.goto(f"{live_server.url}/agents/{draft.slug}/")
    page.goto(f"{live_server.url}{scope}")
    expect(repositories).to_have_value("acme/second")
