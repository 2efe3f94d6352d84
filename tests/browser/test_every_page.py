"""Every page of the main job in one furnished organisation: axe in light and dark, a phone's width, one heading."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
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

AGENT = "/agents/payments-refactorer/"
KEEPER = "/agents/ledger-keeper/"
DRAFT = "/agents/docs-writer/register/"
# Who looks, and at what. Names in braces are filled in by the furnished portal.
PAGES = {
    "home of a manager": ("manager", "/"),
    "home of an approver": ("approver", "/"),
    "home of an auditor": ("auditor", "/"),
    "home of security": ("security", "/"),
    "home of an operator": ("operator", "/"),
    "home of a member": ("member", "/"),
    "home without agents": ("outsider", "/"),
    "agents": ("manager", "/agents/"),
    "agents, none found": ("manager", "/agents/?q=zebra"),
    "agents, none there": ("outsider", "/agents/"),
    "agent": ("manager", AGENT),
    "agent, seen by an auditor": ("auditor", AGENT),
    "agent, stopped": ("security", "/agents/night-builder/"),
    "agent, scope": ("manager", f"{AGENT}scope/"),
    "agent, credentials": ("manager", f"{AGENT}credentials/"),
    "agent, revoke all credentials": ("manager", f"{AGENT}credentials/revoke/"),
    "agent, trust GitHub Actions": ("manager", f"{AGENT}trusts/add/github/"),
    "agent, trust Cursor": ("manager", f"{AGENT}trusts/add/cursor/"),
    "agent, connect": ("manager", f"{AGENT}connect/"),
    "agent, activity": ("manager", f"{AGENT}activity/"),
    "agent, history": ("manager", f"{AGENT}history/"),
    "agent, try an action": ("approver", "/approvals/try/payments-refactorer/"),
    "change policy": ("manager", f"{AGENT}policy/"),
    "register": ("manager", "/agents/register/"),
    "register, who": ("manager", f"{DRAFT}who/"),
    "register, owner": ("manager", f"{DRAFT}owner/"),
    "register, scope": ("manager", f"{DRAFT}scope/"),
    "register, tiers": ("manager", f"{DRAFT}tiers/"),
    "register, review": ("manager", f"{DRAFT}review/"),
    "stop an agent": ("manager", f"{AGENT}stop/"),
    "stop a team": ("manager", "/stops/team/payments/"),
    "stop everything": ("security", "/stops/all/"),
    "stop a run": ("manager", "/stops/run/{run}/"),
    "stop an action type": ("security", "/stops/action/"),
    "stop an action type, chosen": ("security", "/stops/action/?key=commit"),
    "stop a repository": ("security", "/stops/repository/"),
    "stop a repository, mistyped": ("security", "/stops/repository/?name=payments"),
    "stop a repository, named": ("manager", "/stops/repository/?name=acme/payments"),
    "stops": ("security", "/stops/"),
    "stops, filtered": ("security", "/stops/?kind=agent&q=night"),
    "stops, none there": ("outsider", "/stops/"),
    "stop in force": ("security", "/stops/{stop}/"),
    "stop taking hold": ("manager", "/stops/{stopping}/"),
    "stop that has ended": ("auditor", "/stops/{ended}/"),
    "agent with everything": ("manager", KEEPER),
    "agent with everything, seen by a member": ("member", KEEPER),
    "agent, canary": ("manager", "/agents/drill-canary/"),
    "agent, suspended": ("manager", "/agents/slow-sleeper/"),
    "agent, retired": ("manager", "/agents/old-hand/"),
    "agent, offered": ("manager", "/agents/wanderer/"),
    "agent, draft": ("manager", "/agents/docs-writer/"),
    "agent, effective policy": ("manager", f"{KEEPER}scope/"),
    "agent, use": ("manager", f"{KEEPER}use/"),
    "agent, use, never needed": ("manager", f"{KEEPER}use/?show=unused"),
    "agent, use not counted": ("manager", "/agents/wanderer/use/"),
    "agent, remove an entry": ("manager", f"{KEEPER}use/remove/?pointer=/scope/environments&entry=staging"),
    "agent, credentials of every kind": ("manager", f"{KEEPER}credentials/"),
    "agent, rotate a credential": ("manager", f"{KEEPER}credentials/{{credential}}/rotate/"),
    "agent, revoke a credential": ("manager", f"{KEEPER}credentials/{{credential}}/revoke/"),
    "agent, trust": ("manager", f"{KEEPER}trusts/{{trust}}/"),
    "agent, revoke a trust": ("manager", f"{KEEPER}trusts/{{trust}}/revoke/"),
    "agent, connect for a repository": ("manager", f"{KEEPER}connect/?repository=acme/payments"),
    "agent, documents": ("manager", f"{KEEPER}documents/"),
    "agent, history with proposals": ("manager", f"{KEEPER}history/"),
    "agent, at an instant": ("auditor", f"{KEEPER}history/?at=2099-01-01T00:00"),
    "agent, no instant": ("auditor", f"{KEEPER}history/?at=yesterday"),
    "agent, sheet": ("auditor", f"{KEEPER}sheet/"),
    "agent, edit": ("manager", f"{KEEPER}edit/"),
    "agent, people": ("manager", f"{KEEPER}people/"),
    "agent, discard": ("manager", "/agents/docs-writer/discard/"),
    "agent, suspend": ("manager", f"{KEEPER}suspend/"),
    "agent, reinstate": ("manager", "/agents/slow-sleeper/reinstate/"),
    "agent, retire": ("manager", f"{KEEPER}retire/"),
    "agent, hand over": ("manager", f"{KEEPER}transfer/"),
    "agent, change everything": ("manager", f"{KEEPER}policy/"),
    "register another like this": ("manager", "/agents/register/?like=ledger-keeper"),
    "transfer, offered": ("outsider", "/transfers/{transfer}/"),
    "agents of a team": ("manager", "/teams/payments/"),
    "on call": ("manager", "/teams/payments/on-call/"),
    "findings": ("manager", "/findings/"),
    "findings, none": ("outsider", "/findings/"),
    "finding": ("manager", "/findings/{finding}/"),
    "finding, closed": ("auditor", "/findings/{closed}/"),
    "policies": ("manager", "/policies/"),
    "policy of the organisation": ("auditor", "/policies/organisation/"),
    "policy of the organisation, change": ("security", "/policies/organisation/change/"),
    "policy of a team": ("manager", "/policies/teams/payments/"),
    "policy of a team, change": ("manager", "/policies/teams/payments/change/"),
    "policy of a team that says nothing": ("outsider", "/policies/teams/platform/"),
    "catalogue": ("member", "/policies/catalogue/"),
    "catalogue, change": ("security", "/policies/catalogue/change/"),
    "proposals": ("manager", "/policies/proposals/"),
    "proposal, own": ("manager", "/policies/proposals/{tested}/"),
    "proposal, to decide": ("second_manager", "/policies/proposals/{tested}/"),
    "proposal without a backtest": ("security", "/policies/proposals/{fresh}/"),
    "proposal, refused": ("second_manager", "/policies/proposals/{refused}/"),
    "backtest": ("auditor", "/approvals/backtests/{tested}/"),
    "backtest, not run": ("security", "/approvals/backtests/{fresh}/"),
    "recertifications": ("manager", "/recertification/"),
    "recertifications, none": ("outsider", "/recertification/"),
    "recertification, start": ("manager", "/recertification/start/"),
    "recertification, done": ("auditor", "/recertification/{done}/"),
    "recertification, under way": ("manager", "/recertification/{campaign}/?agent=ledger-keeper&choose=used"),
    "recertification, seen by security": ("security", "/recertification/{campaign}/"),
    "recertification, cancel": ("security", "/recertification/{campaign}/cancel/"),
    "drills": ("security", "/drills/"),
    "drills, none": ("outsider", "/drills/"),
    "drill, passed": ("auditor", "/drills/{passed}/"),
    "drill, waiting": ("second_manager", "/drills/{consent}/"),
    "drill, consent": ("manager", "/drills/{consent}/consent/"),
    "drill, ask": ("manager", f"{AGENT}drill/"),
    "drill, canary": ("security", "/drills/canary/"),
    "import": ("manager", "/import/"),
    "drift": ("manager", "/import/drift/"),
    "drift, none": ("outsider", "/import/drift/"),
    "inbox": ("approver", "/approvals/"),
    "inbox, by agent": ("approver", "/approvals/?show=pending&group=on"),
    "inbox, nothing waits": ("outsider", "/approvals/"),
    "inbox, decided": ("auditor", "/approvals/?show=decided"),
    "request, waiting": ("approver", "/approvals/AR-{waiting}/"),
    "request, approved": ("approver", "/approvals/AR-{approved}/"),
    "request, denied": ("approver", "/approvals/AR-{denied}/"),
    "request, expired": ("approver", "/approvals/AR-{expired}/"),
    "request, own": ("approver", "/approvals/AR-{own}/"),
    "request, seen by an auditor": ("auditor", "/approvals/AR-{waiting}/"),
    "runs": ("manager", "/runs/"),
    "runs, none there": ("outsider", "/runs/"),
    "run": ("auditor", "/runs/{run}/"),
    "packages": ("auditor", "/packages/"),
    "packages, none for you": ("member", "/packages/"),
    "new package": ("auditor", "/packages/new/"),
    "package, building": ("auditor", "/packages/PK-{building}/"),
    "package, ready": ("auditor", "/packages/PK-{ready}/"),
    "package, failed": ("auditor", "/packages/PK-{failed}/"),
    "my account": ("member", "/settings/"),
    "tokens": ("member", "/settings/tokens/"),
    "two-step sign-in": ("member", "/accounts/2fa/"),
    "sessions": ("member", "/accounts/sessions/"),
    "password": ("member", "/accounts/password/change/"),
    "sign out": ("member", "/accounts/logout/"),
    "people": ("operator", "/settings/people/"),
    "person": ("operator", "/settings/people/{person}/"),
    "invite": ("operator", "/settings/people/invite/"),
    "teams": ("operator", "/settings/teams/"),
    "team": ("operator", "/settings/teams/payments/"),
    "new team": ("operator", "/settings/new-team/"),
    "not allowed": ("manager", "/settings/people/"),
    "not found": ("outsider", AGENT),
    "no such page": ("manager", "/no/such/page/"),
}
REFUSED = {
    "stop a repository, mistyped": 422,
    "agent, no instant": 422,
    "not allowed": 403,
    "not found": 404,
    "no such page": 404,
}


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
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: self.noise.append(str(error)))
            page.on("console", lambda said: self.noise.append(said.text) if said.type in {"error", "warning"} else None)
        self.tabs[who].set_viewport_size({"width": 1280, "height": 720})
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
    set_baselines(organisation)
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
    page.emulate_media(color_scheme="light")
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


POLICY_FILE = """format: bailiwick/v1
agents:
  - name: Ledger Keeper
    policy:
      limits: {files: 7}
  - name: A Newcomer With A Name That Is As Long As A Name May Well Be
    purpose: It is not here yet.
"""


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("plan", POLICY_FILE, 200),
        ("faults", POLICY_FILE.replace("files: 7", "files: seven").replace("purpose", "purpos"), 422),
        ("nothing", "", 422),
    ],
)
def test_import(  # noqa: PLR0917 (fixtures)
    name: str,
    text: str,
    status: int,
    portal: Portal,
    axe: Callable[[Page], list[str]],
    no_sideways: Callable[[Page], None],
) -> None:
    """What a file would do, and what is wrong with one: looking at it changes nothing."""
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
    for address, field, button in (
        (f"{KEEPER}policy/", "repositories", "Save the change"),
        (f"{KEEPER}edit/", "name", "Save"),
        (f"{KEEPER}transfer/", "reason", "Offer"),
        ("/policies/teams/payments/change/", "branches_allowed", "Save"),
        (f"{KEEPER}credentials/", "name", "Issue"),
        (f"{KEEPER}documents/", "name", "Attach"),
    ):
        wrong = "../up" if field in {"repositories", "branches_allowed"} else ""
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"{portal.url}{address}")
        page.locator(f"#id_{field}").fill(wrong)
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
