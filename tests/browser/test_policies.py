"""Policies in a real browser: nobody widens alone, two edit at once, and every page by axe and at 320 px."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from registry.models import Agent, PolicyProposal
from registry.selectors.policies import Subject, revision_in_force
from registry.services.policy import change_policy, tighten_policy
from tests.organisation import PASSWORD, Organisation, active_agent, policy_document
from tests.registry.policies import backtested, propose, said_by_organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Axe = Callable[[Page], list[str]]
Check = Callable[[Page], None]
Screenshot = Callable[[Page, str], Path]
FULL = {
    **policy_document(environments=["test"]),
    "modes": {"scope.path.outside": "warn"},
    "tasks": {"bug-fix": {"scope": {"environments": ["test"], "tools": ["Bash", "Edit"]}, "limits": {"files": 3}}},
    "composition": {"required": True, "pinned": {"model": "claude-opus-4-1", "hooks": []}},
}


def sign_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{url}/")


def test_widening_takes_two(page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/policy/")
    page.get_by_label("Repositories", exact=True).fill("acme/payments\nacme/vault")
    beside = page.locator("#difference")
    expect(beside).to_contain_text("Repository acme/vault comes into scope.")
    expect(beside).to_contain_text("Ben Manager")
    page.get_by_label("Reason").fill("It must reach the vault.")
    page.get_by_role("button", name="Save the change").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PP-")
    expect(page.get_by_text("You wrote this change")).to_be_visible()
    expect(page.get_by_role("button", name="Approve and put in force")).to_have_count(0)
    address = page.url
    backtested(PolicyProposal.objects.get())
    page.goto("about:blank")  # what a page asks for by itself would lead it to the sign-in as well
    page.context.clear_cookies()
    sign_in(page, live_server.url, organisation.second_manager.email)
    expect(page.get_by_role("link", name="PP-")).to_be_visible()
    page.goto(address)
    page.get_by_label("Reason").fill("Seen, and needed.")
    page.get_by_role("button", name="Approve and put in force").click()
    expect(page.get_by_text("Revision 2 is in force")).to_be_visible()
    revision = revision_in_force(Subject.of_agent(agent))
    assert revision is not None
    assert (revision.author, revision.approved_by) == (organisation.manager, organisation.second_manager)


def test_the_form_comes_back_on_the_newer_revision(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent
) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/policy/")
    tighter = policy_document(branches_allowed=["feature/**"])
    tighten_policy(
        actor=organisation.second_manager, agent=agent, document=tighter, based_on=1, reason="After the audit."
    )
    page.locator("#id_environments").fill("test")
    page.get_by_label("Reason").fill("Less is enough.")
    page.get_by_role("button", name="Save the change").click()
    expect(page.get_by_text("Somebody else changed it while you were typing")).to_be_visible()
    expect(page.get_by_text("After the audit.")).to_be_visible()
    expect(page.locator("#id_environments")).to_have_value("test")
    expect(page.locator("#id_branches_allowed")).to_have_value("feature/**")
    page.get_by_role("button", name="Save the change").click()
    expect(page.get_by_text("Revision 3 of the policy is in force.")).to_be_visible()


def test_every_page_passes_axe_and_fits_a_phone(  # noqa: PLR0917 (fixtures)
    page: Page,
    live_server: LiveServer,
    organisation: Organisation,
    axe: Axe,
    no_sideways: Check,
    screenshot: Screenshot,
) -> None:
    found: list[str] = []
    addresses = _furnish(organisation)
    for who in (organisation.security, organisation.second_manager):
        page.context.clear_cookies()
        sign_in(page, live_server.url, who.email)
        for name, (person, address) in addresses.items():
            if person != who:
                continue
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(f"{live_server.url}{address}", wait_until="networkidle")
                screenshot(page, f"policies-{name}-{scheme}-{width}")
                found += [f"{name} {scheme} {width}: {finding}" for finding in axe(page)]
                no_sideways(page)
    assert found == []


def _furnish(organisation: Organisation) -> dict[str, tuple[object, str]]:
    agent = active_agent(organisation, policy=FULL)
    said_by_organisation(organisation.security, {"tiers": {"commit": "gated"}, "scope": {"paths_blocked": ["infra/"]}})
    team = Subject.of_team(organisation.payments)
    restriction = {"scope": {"environments": ["test"]}, "limits": {"files": 10}}
    change_policy(actor=organisation.manager, subject=team, document=restriction, based_on=0, reason="After the audit.")
    wider = {**FULL, "scope": {**FULL["scope"], "repositories": ["acme/payments", "acme/vault"]}}
    wider["scope"]["branches_allowed"] = ["feature/**"]
    proposal = backtested(propose(organisation.manager, agent, wider))
    action = {
        "label": "Release to customers",
        "reversibility": "irreversible",
        "tier": "gated",
        "explain": "It reaches customers at once.",
        "tools": [],
        "commands": ["acmectl ship"],
    }
    said_by_organisation(
        organisation.security,
        {"tiers": {"commit": "gated"}, "scope": {"paths_blocked": ["infra/"]}, "actions": {"acme.release": action}},
        based_on=1,
    )
    manager, security = organisation.second_manager, organisation.security
    home = f"/agents/{agent.slug}/"
    return {
        "overview": (security, "/policies/"),
        "organisation": (security, "/policies/organisation/"),
        "organisation-change": (security, "/policies/organisation/change/"),
        "catalogue": (security, "/policies/catalogue/"),
        "catalogue-change": (security, "/policies/catalogue/change/"),
        "proposals": (security, "/policies/proposals/"),
        "team": (manager, "/policies/teams/payments/"),
        "team-change": (manager, "/policies/teams/payments/change/"),
        "proposal": (manager, f"/policies/proposals/{proposal.number}/"),
        "change": (manager, f"{home}policy/"),
        "propose-again": (manager, f"{home}policy/?from={proposal.number}"),
        "scope": (manager, f"{home}scope/"),
        "history": (manager, f"{home}history/?at=2099-01-01T00:00"),
        "home": (manager, "/"),
    }
