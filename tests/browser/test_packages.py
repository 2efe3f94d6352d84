"""Packages in a real browser: asking with a live preview, watching it being built, the finished page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.ledger.selectors.entries import database_now
from reports.models import Package
from reports.rules.package import PackageScope
from reports.services.package import beat, claim, fail, request_package
from tests.organisation import PASSWORD, Organisation
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built, happen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]
LookOver = Callable[[Page, str], None]


def _sign_in(page: Page, site: LiveServer, email: str, then: str) -> None:
    page.goto(f"{site.url}/accounts/login/?next={then}")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}{then}")


def test_ask_with_a_live_preview(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    happen(organisation)
    _sign_in(page, live_server, organisation.auditor.email, "/packages/new/")
    expect(page.locator("#preview")).to_contain_text("What you will get")
    page.select_option("[name=scope]", "team:payments")
    expect(page.locator("#preview")).to_contain_text("hashes only")
    look_over(page, "package-new")
    page.get_by_role("button", name="Build the package").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Evidence of team Payments")
    expect(page.locator("#package-progress")).to_contain_text("Waiting for a builder")


def test_watch_it_being_built_and_fail(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    start = database_now() - timedelta(days=1)
    package = request_package(actor=organisation.auditor, scope=PackageScope.ALL, start=start)
    claim(package_id=package.pk)
    beat(package_id=package.pk, attempt=1, stage="Reading entries", done=1200, total=4000)
    _sign_in(page, live_server, organisation.auditor.email, f"/packages/PK-{package.number}/")
    expect(page.locator("#package-progress")).to_contain_text("1,200 of 4,000 places of the log")
    look_over(page, "package-building")
    beat(package_id=package.pk, attempt=1, stage="Reading entries", done=3000, total=4000)
    expect(page.locator("#package-progress")).to_contain_text("3,000 of 4,000")
    fail(package_id=package.pk, attempt=1, reason="The builder was ended by signal 9.")
    expect(page.locator("main")).to_contain_text("could not be built")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#package-progress")).to_contain_text("Waiting for a builder")
    assert Package.objects.count() == 2


def test_the_finished_package(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    happen(organisation)
    package = built(ask_for_package(organisation.auditor))
    _sign_in(page, live_server, organisation.auditor.email, "/packages/")
    look_over(page, "packages")
    page.get_by_role("link", name=package.label).click()
    look_over(page, "package")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"{package.label}.zip"


def test_an_hour_later_the_auditor_confirms_and_lands_back_on_the_package(
    page: Page, live_server: LiveServer, organisation: Organisation, look_over: LookOver
) -> None:
    happen(organisation)
    package = built(ask_for_package(organisation.auditor))
    _sign_in(page, live_server, organisation.auditor.email, f"/packages/PK-{package.number}/")
    _an_hour_later()
    page.reload()
    expect(page.get_by_text("Downloading asks you to confirm who you are.")).to_be_visible()
    look_over(page, "package-hour")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "package-hour-390")
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()
    look_over(page, "package-confirm-390")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{live_server.url}/packages/PK-{package.number}/")
    expect(page.get_by_text("Downloading asks you")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"{package.label}.zip"


def _an_hour_later() -> None:
    """For the one session that there is."""
    stored = SessionStore(Session.objects.get().session_key)
    given = stored["account_authentication_methods"]
    stored["account_authentication_methods"] = [{**one, "at": one["at"] - 3600} for one in given]
    stored.save()
