"""Credentials in a real browser: issue a narrowed one, rotate, revoke, trust an issuer; by axe and at 320 px."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, CredentialKind, IssuerTrust
from registry.services.credential import issue_credential, make_credential
from registry.services.trust import trust_issuer
from tests.browser.test_registry import sign_in
from tests.organisation import Organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]
GITHUB = "https://token.actions.githubusercontent.com"


def test_issue_rotate_and_revoke(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/credentials/")
    look_over(page, "credentials-none")
    page.get_by_label("Name").fill("laptop")
    page.get_by_text("Narrow it").click()
    page.get_by_label("Only these repositories").fill("acme/payments\nacme/other")
    page.get_by_role("button", name="Issue").click()
    # Refused once, with what was typed, and the part with the fault open.
    expect(page.get_by_text("acme/other can never match")).to_be_visible()
    expect(page.get_by_label("Only these repositories")).to_have_value("acme/payments\nacme/other")
    look_over(page, "credentials-refused")
    page.get_by_label("Only these repositories").fill("acme/payments")
    page.get_by_role("button", name="Issue").click()
    token = page.locator(".code code").first.inner_text()
    assert re.fullmatch(r"bwa_\w{32}_\w{6}", token)
    page.get_by_role("link", name="All credentials").click()
    expect(page.get_by_role("region", name="Credentials", exact=True)).to_contain_text("acme/payments")
    assert token not in page.content()

    page.get_by_role("link", name=re.compile("^Rotate laptop")).click()
    look_over(page, "credential-rotate")
    page.get_by_label("Hours that the old one still works").fill("2")
    page.get_by_role("button", name="Rotate").click()
    look_over(page, "credential-rotated")
    assert page.locator(".code code").first.inner_text() != token
    page.get_by_role("link", name="All credentials").click()
    expect(page.get_by_role("region", name="Credentials", exact=True)).to_contain_text("replaced by")

    page.get_by_role("link", name=re.compile("^Revoke laptop")).first.click()
    page.get_by_role("button", name="Revoke now").click()
    expect(page.locator("#messages")).to_contain_text("is revoked")
    page.get_by_role("link", name="Revoke all").click()
    expect(page.get_by_text("1 issued credential")).to_be_visible()
    look_over(page, "credentials-revoke-all")
    page.get_by_role("button", name="Revoke all now").click()
    assert not Credential.objects.filter(revoked_at=None).exists()


def test_trust_github_and_copy_the_workflow(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    sign_in(page, live_server.url, organisation.manager.email)
    page.goto(f"{live_server.url}/agents/{agent.slug}/credentials/")
    page.get_by_role("link", name="Trust GitHub Actions").click()
    page.get_by_label("Name").fill("nightly refactoring")
    page.get_by_label("Repository id").fill("acme/payments")
    page.get_by_role("button", name="Add the trust").click()
    expect(page.get_by_text("must be the number that GitHub gives")).to_be_visible()
    look_over(page, "trust-refused")
    page.get_by_label("Repository id").fill("4711")
    page.get_by_label("Further claims").fill("ref_type=branch")
    page.get_by_role("button", name="Add the trust").click()
    expect(page.locator("pre")).to_contain_text("id-token: write")
    look_over(page, "trust")
    page.get_by_role("link", name="Revoke").click()
    look_over(page, "trust-revoke")
    page.get_by_role("button", name="Revoke now").click()
    expect(page.get_by_text("No trust yet")).to_be_visible()
    assert IssuerTrust.objects.get().revoked_at is not None


def test_a_full_page_fits_a_phone_and_works_without_scripts(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    _furnish(organisation, agent)
    sign_in(page, live_server.url, organisation.manager.email)
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{live_server.url}/agents/{agent.slug}/credentials/", wait_until="networkidle")
        look_over(page, f"credentials-{width}")
    chromium = page.context.browser
    assert chromium is not None
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, live_server.url, organisation.manager.email)
    plain.goto(f"{live_server.url}/agents/{agent.slug}/credentials/")
    plain.get_by_label("Name").fill("plain")
    plain.get_by_role("button", name="Issue").click()
    assert plain.locator(".code code").first.inner_text().startswith("bwa_")
    context.close()


def _furnish(organisation: Organisation, agent: Agent) -> None:
    """One of everything that the page can show."""
    manager, now = organisation.manager, database_now()
    issue_credential(actor=manager, agent=agent, name="brief", days=3)
    scope = {"scope": {"repositories": ["acme/payments"], "branches_allowed": ["feature/a-rather-long-branch-name/**"]}}
    issue_credential(actor=manager, agent=agent, name="narrow", days=30, scope=scope)
    trust = trust_issuer(
        actor=manager,
        agent=agent,
        name="nightly",
        issuer=GITHUB,
        audience="https://portal.example",
        claims={"repository_id": "4711", "job_workflow_ref": "acme/ci/.github/workflows/agent.yml@refs/heads/main"},
    )
    make_credential(
        agent=agent,
        actor=manager,
        name="nightly",
        at=now,
        until=now + timedelta(minutes=15),
        scope={"scope": {"repositories": ["acme/payments#4711"]}},
        kind=CredentialKind.EXCHANGED.value,
        trust=trust,
        claims={"workflow": "nightly", "run_id": "99", "actor": "octocat"},
    )
