"""Every page of the main job in one furnished organisation: axe in light and dark, a phone's width, one heading."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer
from pytest_django.plugin import DjangoDbBlocker

from approvals.rules.workflow import RequestState, Verdict
from approvals.services.request import end, lock
from portal.embedded.postgres import Urls
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import agree_resume, order_kill
from registry.services.policy import tighten_policy
from reports.rules.package import PackageScope
from reports.services.package import beat, claim, fail, request_package
from tests.approvals.asking import opened, review
from tests.browser.governing import govern, set_baselines
from tests.browser.pages import KEEPER, PAGES, REFUSED
from tests.conftest import reset_database
from tests.organisation import (
    Organisation,
    active_agent,
    credential_for,
    draft_agent,
    make_organisation,
    policy_document,
)
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built
from tests.reports.synthetic_runs import report, step
from tests.sign_in import sign_in

pytestmark = [pytest.mark.browser, UNCLOSED_PROFILE]


@dataclass
class Portal:
    """A server over the furnished database, and a signed-in browser for everyone who has looked yet."""

    url: str
    browser: Browser
    organisation: Organisation
    places: dict[str, str]
    blocker: DjangoDbBlocker
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    tabs: dict[str, Page] = field(default_factory=dict)
    noise: list[str] = field(default_factory=list)

    def tab(self, who: str) -> Page:
        """One tab for each person, since a new one for each page would take a third of the time; its noise anew."""
        if who not in self.tabs:
            page = self.tabs[who] = self.context(who).new_page()
            page.on("pageerror", lambda error: self.noise.append(str(error)))
            page.on("console", lambda said: self.noise.append(said.text) if _is_fault(said) else None)
        self.tabs[who].set_viewport_size({"width": 1280, "height": 720})
        # Before the page is there: what is not painted keeps the colours in which the page came.
        self.tabs[who].emulate_media(color_scheme="light")
        self.noise.clear()
        return self.tabs[who]

    def context(self, who: str) -> BrowserContext:
        if who not in self.contexts:
            client = Client()
            with self.blocker.unblock():
                sign_in(client, self.organisation.people[who])
            context = self.browser.new_context(locale="en-GB", timezone_id="Europe/Madrid", reduced_motion="reduce")
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}])
            self.contexts[who] = context
        return self.contexts[who]


def _is_fault(said: ConsoleMessage) -> bool:
    # That a preloaded font was not used within three seconds speaks of the machine: on one that has other work the
    # first paint may come later than that.
    return said.type in {"error", "warning"} and "was preloaded using link preload" not in said.text


@pytest.fixture(scope="module")
def portal(
    browser: Browser, django_db_setup: None, django_db_blocker: DjangoDbBlocker, database_urls: Urls
) -> Iterator[Portal]:
    """Furnished once for the module: no page changes anything by being looked at."""
    server = LiveServer("localhost")
    with django_db_blocker.unblock():
        organisation = make_organisation()
        places = furnish(organisation)
        server._live_server_modified_settings.enable()
        made = Portal(server.url, browser, organisation, places, django_db_blocker)
        yield made
        for context in made.contexts.values():
            context.close()
        server._live_server_modified_settings.disable()
        server.stop()
        connections.close_all()
        reset_database(database_urls)


def furnish(organisation: Organisation) -> dict[str, str]:
    """Something of every kind; the numbers and ids that addresses need."""
    ruled = set_baselines(organisation)
    agent = active_agent(organisation, data_touched="Source code only.")
    tighten_policy(
        actor=organisation.manager, agent=agent, document=policy_document(branches_allowed=["feature/**"]), based_on=1
    )
    draft_agent(organisation, "Docs Writer", platform="gemini", trigger="schedule")
    night = active_agent(organisation, "Night Builder", criticality="high")
    # Before anything is stopped: nobody registers an agent that would carry on the work of a stopped one.
    governed = govern(organisation)
    order = order_kill(
        actor=organisation.manager,
        kind=ScopeKind.AGENT,
        scope_id=night.pk,
        reason="It pushed to a release branch at night, and nobody who is awake knows why. " * 3,
    )
    agree_resume(actor=organisation.second_manager, order=order, reason="The cause is found.")
    return {
        "stop": str(order.number),
        "person": str(organisation.member.pk),
        "run": str(_run(agent)),
        **_requests(organisation, agent),
        **_packages(organisation),
        **governed,
        **ruled,
    }


def _run(agent: Agent) -> object:
    return report(
        agent,
        step(0, 0, "user_prompt", content={"prompt": "Fix the total. " * 40}, repository="acme/payments"),
        step(1, 1, tool="Bash", content={"tool_input": {"command": "x" * 300}, "tool_output": "done"}),
        step(7, 55, tool="Bash", content={"command": "curl \u202egpj.exe"}),
    ).pk


def _requests(organisation: Organisation, agent: Agent) -> dict[str, str]:
    token = credential_for(organisation, agent)
    asked = {
        "approved": opened(token, "npm install left-pad@1.3.0"),
        "denied": opened(token, "git push --force origin feature/tidy"),
        "expired": opened(token, "gh pr merge 5 --squash"),
        "own": opened(token, "gh pr merge 6 --squash", initiator="approver@example.test"),
        "waiting": opened(
            token, f"gh pr merge 7 --squash && echo {'long' * 60}\u200b", initiator="member@example.test"
        ),
    }
    review(asked["approved"], organisation.approver)
    review(asked["denied"], organisation.second_approver, Verdict.DENY)
    with transaction.atomic(durable=True):
        end(lock(asked["expired"]), RequestState.EXPIRED, because="Nobody decided in time.", by=SYSTEM)
    return {name: str(request.number) for name, request in asked.items()}


def _packages(organisation: Organisation) -> dict[str, str]:
    ready = built(ask_for_package(organisation.auditor))
    start = database_now() - timedelta(days=2)
    failed = request_package(actor=organisation.auditor, scope=PackageScope.ALL, start=start)
    claim(package_id=failed.pk)
    fail(package_id=failed.pk, attempt=1, reason="The builder was ended by signal 9.")
    building = request_package(actor=organisation.auditor, scope=PackageScope.ALL, start=start)
    claim(package_id=building.pk)
    beat(package_id=building.pk, attempt=1, stage="Reading entries", done=1200, total=4000)
    return {"ready": str(ready.number), "failed": str(failed.number), "building": str(building.number)}


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, portal: Portal, axe: Callable[[Page], list[str]], no_sideways: Callable[[Page], None]) -> None:
    who, address = PAGES[name]
    page = portal.tab(who)
    answer = page.goto(portal.url + address.format(**portal.places))
    assert answer is not None
    assert answer.status == REFUSED.get(name, 200)
    _look(page, axe, no_sideways)
    expected = [] if answer.ok else [text for text in portal.noise if f"status of {answer.status}" in text]
    assert portal.noise == expected


def _look(page: Page, axe: Callable[[Page], list[str]], no_sideways: Callable[[Page], None]) -> None:
    expect(page.locator(".htmx-request")).to_have_count(0)
    assert re.fullmatch(r"(\(\d+\) )?\S.* · Bailiwick", page.title())
    expect(page.locator("h1")).to_have_count(1)
    found = [f"light: {finding}" for finding in axe(page)]
    # The other colours and the other width in one: a hundred and fifty pages are looked at, and each look is long.
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 700})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found += [f"dark, 320 px: {finding}" for finding in axe(page)]
    assert found == []
    no_sideways(page)


@pytest.mark.parametrize(
    ("typed", "status"),
    [("files: 7", 200), ("files: seven", 422), ("", 422)],
)
def test_import(
    typed: str,
    status: int,
    portal: Portal,
    axe: Callable[[Page], list[str]],
    no_sideways: Callable[[Page], None],
) -> None:
    """What a file would do, what is wrong with one, and none: looking at it changes nothing."""
    text = portal.places["file"].replace("files: 7", typed) if typed else ""
    page = portal.context("manager").new_page()
    page.goto(f"{portal.url}/import/")
    page.locator("textarea[name=text]").fill(text)
    page.get_by_label("Why").fill("To look at it.")
    with page.expect_navigation() as arrived:
        page.get_by_role("button", name="Show the plan").click()
    assert arrived.value.status == status
    _look(page, axe, no_sideways)
    page.close()


def test_forms_that_are_refused(
    portal: Portal, axe: Callable[[Page], list[str]], no_sideways: Callable[[Page], None]
) -> None:
    """The long forms with faults in them: what was typed stays, and each fault is tied to its field."""
    page = portal.context("manager").new_page()
    for address, name, button in (
        (f"{KEEPER}policy/", "repositories", "Save the change"),
        (f"{KEEPER}edit/", "name", "Save"),
        (f"{KEEPER}transfer/", "reason", "Offer"),
        ("/policies/teams/payments/change/", "branches_allowed", "Save"),
        (f"{KEEPER}credentials/", "name", "Issue"),
        (f"{KEEPER}documents/", "name", "Attach"),
    ):
        wrong = "../up" if name in {"repositories", "branches_allowed"} else ""
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"{portal.url}{address}")
        page.locator(f"#id_{name}").fill(wrong)
        with page.expect_navigation() as arrived:
            page.get_by_role("button", name=button).first.click()
        assert arrived.value.status == 422, address
        _look(page, axe, no_sideways)
    page.close()


def test_conflict(portal: Portal, axe: Callable[[Page], list[str]], no_sideways: Callable[[Page], None]) -> None:
    """A page that stood open too long: what it asks for is over, and the answer says so."""
    page = portal.context("auditor").new_page()
    page.goto(f"{portal.url}/packages/PK-{portal.places['ready']}/")
    form = page.locator("form[action$='/download/']")
    form.evaluate("(form) => { form.action = form.action.replace('download', 'cancel'); }")
    with page.expect_navigation() as arrived:
        page.get_by_role("button", name="Download").click()
    assert arrived.value.status == 409
    _look(page, axe, no_sideways)
    expect(page.get_by_text("What was not done")).to_be_visible()
    page.close()
