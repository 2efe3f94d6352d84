"""A manager's week in a real browser: registers five agents, tightens one, drills, stops one, looks at them again."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Download, Locator, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from approvals.jobs.backtest import run_backtest
from approvals.jobs.count_use import count_one
from approvals.jobs.drill import run_drill
from approvals.services.backtest import queue_backtest
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.tasks import keep_stops
from registry.models import Agent, Campaign, Drill, PolicyProposal
from registry.rules.manifest import render
from registry.selectors.manifest import entry_of
from tests.approvals.asking import ask
from tests.browser.test_registry import sign_in
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.registry.drilling import make_canary
from tests.reports.packages.ledger import UNCLOSED_PROFILE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]


@pytest.fixture
def as_person(page: Page, live_server: LiveServer) -> Callable[[Person], Page]:
    """``as_person(someone)``: the page, signed in as somebody else than before."""

    def change(person: Person) -> Page:
        page.goto("about:blank")  # what a page asks for by itself would lead it to the sign-in as well
        page.context.clear_cookies()
        sign_in(page, live_server.url, person.email)
        return page

    return change


def _go_on(page: Page) -> None:
    page.get_by_role("button", name="Save and go on").click()


def _heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def test_monday_five_agents_are_registered(
    as_person: Callable[[Person], Page], live_server: LiveServer, organisation: Organisation
) -> None:
    page = as_person(organisation.manager)
    _register_by_the_form(page, live_server.url)
    _register_another_like_it(page)
    first = Agent.objects.select_related("owner_team", "accountable_person", "deputy", "revision").get(
        slug="ledger-librarian"
    )
    names = ["Invoice Sorter", "Refund Checker", "Statement Writer"]
    text = render(agents=[{**entry_of(first), "name": name} for name in names])
    page.goto(f"{live_server.url}/import/")
    page.locator("textarea[name=text]").fill(text.replace("files: 20", "files: many", 1))
    page.get_by_label("Why").fill("Three more of the same kind.")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("The file cannot be read. Nothing was applied.")).to_be_visible()
    page.locator("textarea[name=text]").fill(text)
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("Nothing was changed yet.")).to_be_visible()
    for name in names:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    assert Agent.objects.count() == 2
    page.get_by_role("button", name="Apply 3 steps").click()
    expect(page.get_by_text("The whole file was applied.")).to_be_visible()
    page.goto(f"{live_server.url}/agents/")
    expect(page.get_by_text("5 agents")).to_be_visible()
    assert set(Agent.objects.values_list("state", "revision__number")) == {("active", 1)}


def _register_by_the_form(page: Page, url: str) -> None:
    page.goto(f"{url}/agents/register/")
    page.get_by_label("Name").fill("Ledger Librarian")
    page.get_by_label("Purpose").fill("Keeps the ledger's documentation in order.")
    _go_on(page)
    page.get_by_label("Accountable person").select_option(label="Ada Manager")
    _go_on(page)
    page.get_by_label("Repositories").fill("acme/ledger")
    # Tried with what is typed: nothing of it is saved yet.
    trying = page.locator(".try")
    trying.get_by_label("Command, path, address").fill("git push --force origin main")
    trying.get_by_text("Where it would happen").click()
    trying.get_by_label("Repository").fill("acme/ledger")
    trying.get_by_role("button", name="Try it").click()
    expect(trying.locator(".try-answer")).to_contain_text("main")
    expect(trying.locator(".try-line")).not_to_contain_text("Allow")
    trying.get_by_label("Command, path, address").fill("git status")
    trying.get_by_role("button", name="Try it").click()
    expect(trying.locator(".try-line")).to_contain_text("Allow")
    _go_on(page)
    _go_on(page)
    page.get_by_role("button", name="Register", exact=True).click()
    expect(_heading(page)).to_have_text("Ledger Librarian")


def _register_another_like_it(page: Page) -> None:
    page.get_by_role("link", name="Register another like this").click()
    expect(page.get_by_label("Purpose")).to_have_value("Keeps the ledger's documentation in order.")
    page.get_by_label("Name").fill("Ledger Archivist")
    _go_on(page)
    expect(page.get_by_label("Accountable person").locator("option:checked")).to_have_text("Ada Manager")
    _go_on(page)
    expect(page.get_by_label("Repositories")).to_have_value("acme/ledger")
    _go_on(page)
    _go_on(page)
    page.get_by_role("button", name="Register", exact=True).click()
    expect(_heading(page)).to_have_text("Ledger Archivist")


def test_tuesday_tighter_is_in_force_and_wider_waits_for_somebody_else(
    as_person: Callable[[Person], Page], live_server: LiveServer, organisation: Organisation, agent: Agent
) -> None:
    token = credential_for(organisation, agent)
    for repository in ("acme/payments", "acme/payments", "acme/vault"):
        ask(token, "git status", repository=repository, initiator="member@example.test")
    page = as_person(organisation.manager)
    page.goto(f"{live_server.url}/agents/{agent.slug}/policy/")
    page.locator("#id_environments").fill("test")
    page.get_by_label("Reason").fill("It has nothing to do on staging.")
    page.get_by_role("button", name="Save the change").click()
    expect(page.get_by_text("Revision 2 of the policy is in force.")).to_be_visible()
    page.goto(f"{live_server.url}/agents/{agent.slug}/policy/")
    page.get_by_label("Repositories", exact=True).fill("acme/payments\nacme/vault")
    page.get_by_label("Reason").fill("The vault moves into its own repository.")
    page.get_by_role("button", name="Save the change").click()
    expect(_heading(page)).to_contain_text("PP-")
    address = page.url
    proposal = PolicyProposal.objects.get()
    queue_backtest(proposal_id=proposal.pk)
    run_backtest(proposal.pk)
    page.goto(address)
    _is_refused_to_its_author(page)
    page = as_person(organisation.second_manager)
    page.get_by_role("link", name="PP-").click()
    expect(page.get_by_text("Repository acme/vault comes into scope.")).to_be_visible()
    expect(page.get_by_text("3 recorded checks were asked again")).to_be_visible()
    expect(page.locator("#decide")).to_contain_text("it would newly allow 1")
    page.get_by_label("Reason").fill("One check in ninety days, and it is the vault.")
    page.get_by_role("button", name="Approve and put in force").click()
    expect(page.get_by_text("Revision 3 is in force")).to_be_visible()
    proposal.refresh_from_db()
    assert (proposal.author, proposal.decided_by) == (organisation.manager, organisation.second_manager)


def _is_refused_to_its_author(page: Page) -> None:
    """The page says why and has no button; whoever sends it all the same hears the same."""
    expect(page.get_by_text("You wrote this change, so another person must decide it.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve and put in force")).to_have_count(0)
    page.locator("form[action$='/withdraw/']").evaluate(
        """(form) => {
            form.action = form.action.replace("withdraw", "approve");
            for (const [name, value] of [["reason", "I know best."], ["seal", "0".repeat(64)]]) {
                const field = document.createElement("input");
                form.append(Object.assign(field, { type: "hidden", name, value }));
            }
        }"""
    )
    with page.expect_navigation() as arrived:
        page.get_by_role("button", name="Withdraw").click()
    assert arrived.value.status == 403
    expect(page.get_by_text("You wrote this change").first).to_be_visible()
    assert PolicyProposal.objects.get().state == "open"


def test_wednesday_the_canary_is_drilled_and_measured(
    as_person: Callable[[Person], Page], live_server: LiveServer, organisation: Organisation, settings: Settings
) -> None:
    settings.BAILIWICK_DRILL_URL = live_server.url
    canary = make_canary(organisation)
    page = as_person(organisation.manager)
    page.goto(f"{live_server.url}/agents/{canary.slug}/drill/")
    page.get_by_role("button", name="Drill it now").click()
    expect(_heading(page)).to_contain_text("Drill 1")
    result = page.locator("#drill-progress")
    expect(result).to_contain_text("for the worker")
    ended = run_drill(Drill.objects.get().pk)
    assert ended is not None
    assert ended.state == "passed", ended.outcome
    # Nothing is loaded again: the page asks by itself until the drill has ended.
    expect(result).to_contain_text("Passed")
    expect(result).to_contain_text(ended.outcome)
    expect(result.locator("dl > div", has_text="Measured").locator("dd")).to_have_text(re.compile(r"\d\.\d s"))
    page.goto(f"{live_server.url}/drills/")
    expect(page.get_by_role("link", name="Drill 1").first).to_be_visible()


def test_thursday_a_stop_takes_hold_while_one_point_is_away(
    as_person: Callable[[Person], Page], live_server: LiveServer, organisation: Organisation
) -> None:
    policy = policy_document() | {"limits": {"files": 20, "lines": 500, "lease_seconds": 5}}
    agent = active_agent(organisation, policy=policy)
    token = credential_for(organisation, agent)
    page = as_person(organisation.manager)

    def renew(point: str) -> dict[str, Any]:
        answer = page.request.post(
            f"{live_server.url}/api/v1/leases",
            headers={"Authorization": f"Bearer {token}"},
            data={"point": point, "kind": "ci"},
        )
        assert answer.status == 200, answer.text()
        held: dict[str, Any] = answer.json()
        return held

    page.goto(f"{live_server.url}/agents/{agent.slug}/stop/")
    page.get_by_label("Reason").fill("It edits the wrong folder.")
    assert renew("runner-that-listens")["lease_seconds"] == 5
    assert not renew("runner-that-is-away")["stopped"]
    page.get_by_role("button", name=f"Stop {agent.name} now").click()
    expect(_heading(page)).to_contain_text("Stop 1")
    assert renew("runner-that-listens")["stopped"]
    progress = page.locator("#kill-progress")
    # The page asks by itself; what is away stops with its lease.
    expect(progress.get_by_role("status")).to_contain_text("Stopped")
    keep_stops()
    expect(progress).to_contain_text("Stopped: 1 told, 1 by the end of the lease")
    expect(progress.get_by_role("row", name="runner-that-is-away")).to_contain_text("its lease ended")
    _certificates(page)
    address = page.url
    for number, person in enumerate((organisation.second_manager, organisation.security), 1):
        page = as_person(person)
        page.goto(address)
        page.get_by_label("Reason").fill("The folder is out of its scope now.")
        page.get_by_role("button", name="Agree to resume").click()
        expect(page.get_by_text(f"{number} of 2")).to_be_visible()
    expect(page.get_by_text("It has ended.")).to_be_visible()
    assert not renew("runner-that-listens")["stopped"]


def _certificates(page: Page) -> None:
    pdf = _taken(page, "Certificate (PDF)")
    assert pdf.path().read_bytes().startswith(b"%PDF")
    document = _taken(page, "JSON")
    assert document.suggested_filename == "stop-1-certificate.json"
    assert "runner-that-is-away" in document.path().read_text(encoding="utf-8")
    assert isinstance(json.loads(document.path().read_bytes()), dict)


def _taken(page: Page, link: str) -> Download:
    with page.expect_download() as taken:
        page.get_by_role("link", name=link, exact=True).click()
    return taken.value


def test_friday_what_is_granted_is_looked_at_again(
    as_person: Callable[[Person], Page], live_server: LiveServer, organisation: Organisation
) -> None:
    agent = active_agent(organisation, policy=policy_document(repositories=["acme/payments", "acme/attic"]))
    token = credential_for(organisation, agent)
    for number in range(3):
        ask(token, f"pytest -q tests/{number}", initiator="member@example.test")
    count_one(agent.pk)
    page = as_person(organisation.manager)
    page.goto(f"{live_server.url}/recertification/start/")
    page.get_by_label("Team").select_option(label="Payments")
    page.get_by_label("Due on").fill((database_now().date() + timedelta(days=5)).isoformat())
    page.get_by_role("button", name="Start").click()
    expect(_heading(page)).to_contain_text("Payments")
    if page.get_by_role("button", name="Keep what is chosen").count() == 0:
        page.goto(f"{page.url}?agent={agent.slug}")
    expect(page.get_by_role("row", name="acme/attic")).to_contain_text("Never")
    page.get_by_role("button", name="Remove Repository acme/attic").click()
    expect(page.get_by_text("is taken away from")).to_be_visible()
    agent.refresh_from_db()
    assert agent.revision is not None
    assert agent.revision.document["scope"]["repositories"] == ["acme/payments"]
    page.get_by_role("button", name="Keep what is chosen").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was decided")
    page.get_by_role("link", name="Choose all").click()
    page.get_by_label("Reason for keeping").fill("This is its work.")
    page.get_by_role("button", name="Keep what is chosen").click()
    expect(page.locator(".lede")).to_contain_text("Done")
    campaign = Campaign.objects.get()
    assert campaign.state == "done"
    assert set(campaign.items.values_list("verdict", flat=True)) == {"keep", "remove"}
