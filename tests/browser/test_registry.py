"""The registry in a real browser: register an agent, stop one, and every page by axe and at 320 px."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import agree_resume, order_kill
from registry.services.policy import tighten_policy
from tests.organisation import PASSWORD, Organisation, active_agent, credential_for, draft_agent, policy_document

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Axe = Callable[[Page], list[str]]
Check = Callable[[Page], None]
Screenshot = Callable[[Page, str], Path]


def sign_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{url}/")


def test_register_an_agent(page: Page, live_server: LiveServer, organisation: Organisation, axe: Axe) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/")
    page.get_by_role("link", name="Register an agent").first.click()
    page.get_by_label("Name").fill("Ledger Librarian")
    expect(page.locator("#charter")).to_contain_text("Ledger Librarian is a Claude Code agent")
    page.get_by_label("Purpose").fill("Keeps the ledger's documentation in order.")
    assert axe(page) == []
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_label("Accountable person").select_option(label="Ada Manager")
    expect(page.locator("#charter")).to_contain_text("answered for by Ada Manager")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_label("Repositories").fill("acme/ledger\nnot a repository")
    page.get_by_role("button", name="Save and go on").click()
    # Refused, and nothing of what was typed is lost, not even by leaving.
    expect(page.get_by_label("Repositories")).to_have_value("acme/ledger\nnot a repository")
    page.reload()
    expect(page.get_by_label("Repositories")).to_have_value("acme/ledger\nnot a repository")
    page.get_by_label("Repositories").fill("acme/ledger")
    expect(page.locator("#charter")).to_contain_text("acme/ledger")
    page.get_by_role("button", name="Save and go on").click()
    assert axe(page) == []
    page.get_by_label("Run tests", exact=True).select_option("gated")
    page.get_by_role("button", name="Save and go on").click()
    assert axe(page) == []
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ledger Librarian")
    agent = Agent.objects.select_related("revision").get(slug="ledger-librarian")
    assert agent.revision is not None
    assert agent.revision.document["tiers"]["test"] == "gated"


def test_what_is_typed_before_the_scripts_arrive_counts(
    page: Page, live_server: LiveServer, organisation: Organisation
) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    typed = page.get_by_label("Name")

    def late(route: Route) -> None:
        typed.fill("Early Bird")
        route.continue_()

    page.route("**/htmx*.js", late)
    page.goto(f"{live_server.url}/agents/register/")
    expect(typed).to_have_value("Early Bird")
    expect(page.locator("#charter")).to_contain_text("Early Bird is a Claude Code agent")


def test_register_without_javascript(page: Page, live_server: LiveServer, organisation: Organisation) -> None:
    chromium = page.context.browser
    assert chromium is not None
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, live_server.url, organisation.manager.email)
    plain.goto(f"{live_server.url}/agents/register/")
    plain.get_by_label("Name").fill("Plain Agent")
    plain.get_by_label("Purpose").fill("Works without scripts.")
    plain.get_by_role("button", name="Save and go on").click()
    plain.get_by_label("Accountable person").select_option(label="Ada Manager")
    plain.get_by_role("button", name="Save and go on").click()
    plain.get_by_label("Repositories").fill("acme/plain")
    plain.get_by_role("button", name="Save and go on").click()
    plain.get_by_role("button", name="Save and go on").click()
    plain.get_by_role("button", name="Register", exact=True).click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Plain Agent")
    plain.get_by_role("link", name="Stop", exact=True).click()
    plain.get_by_label("Reason").fill("a drill")
    plain.get_by_role("button", name="Stop Plain Agent now").click()
    expect(plain.get_by_role("heading", level=1)).to_contain_text("Stop 1")
    context.close()


def test_the_token_is_shown_once(page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/credentials/")
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Issue").click()
    token = page.locator(".code code").first.inner_text()
    assert token.startswith("bwa_")
    assert token not in page.url
    page.get_by_role("link", name="All credentials").click()
    expect(page.locator("table")).to_contain_text("laptop")
    assert token not in page.content()


def test_every_page_passes_axe_and_fits_a_phone(  # noqa: PLR0917 (fixtures)
    page: Page,
    live_server: LiveServer,
    organisation: Organisation,
    axe: Axe,
    no_sideways: Check,
    screenshot: Screenshot,
) -> None:
    addresses = _furnish(organisation)
    sign_in(page, live_server.url, organisation.manager.email)
    found: list[str] = []
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        for name, address in addresses.items():
            page.goto(f"{live_server.url}{address}", wait_until="networkidle")
            screenshot(page, f"registry-{name}-{scheme}-{width}")
            found += [f"{name} {scheme} {width}: {finding}" for finding in axe(page)]
            no_sideways(page)
    assert found == []


def _furnish(organisation: Organisation) -> dict[str, str]:
    """A registry with everything in it; every address that there is to look at."""
    agent = active_agent(organisation, data_touched="Source code only.")
    credential_for(organisation, agent)
    changed = policy_document(branches_allowed=["feature/**"])
    changed["tiers"]["test"] = "gated"
    tighten_policy(actor=organisation.manager, agent=agent, document=changed, based_on=1)
    draft_agent(organisation, "Docs Writer", platform="gemini", trigger="schedule")
    ended = active_agent(organisation, "Night Builder With A Rather Long Name For One Row", criticality="high")
    order = order_kill(
        actor=organisation.security, kind=ScopeKind.AGENT, scope_id=ended.pk, reason="It pushed at night."
    )
    agree_resume(actor=organisation.second_manager, order=order, reason="The cause is found.")
    home = f"/agents/{agent.slug}/"
    draft = "/agents/docs-writer/register/"
    return {
        "agents": "/agents/",
        "agents-none": "/agents/?q=nothing",
        "overview": home,
        "scope": f"{home}scope/",
        "credentials": f"{home}credentials/",
        "connect": f"{home}connect/",
        "activity": f"{home}activity/",
        "history": f"{home}history/",
        "policy": f"{home}policy/",
        "stop": f"{home}stop/",
        "stopped": f"/agents/{ended.slug}/",
        "begin": "/agents/register/",
        "who": f"{draft}who/",
        "owner": f"{draft}owner/",
        "step-scope": f"{draft}scope/",
        "tiers": f"{draft}tiers/",
        "review": f"{draft}review/",
        "stops": "/stops/",
        "kill": f"/stops/{order.number}/",
        "home": "/",
    }
