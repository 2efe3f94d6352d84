"""The inbox and the page of a request in a real browser: live, by keyboard, on a phone, in light and dark."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import Verdict
from registry.models import Agent
from registry.services.policy import tighten_policy
from tests.approvals.asking import ask, opened, review
from tests.browser.seeing import see_all
from tests.organisation import PASSWORD, Organisation, active_agent, credential_for, policy_document

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]
HARMLESS_LOOKING = "gh pr merge 7 --squash && echo d\u043ene\u202e && rm -rf build\u200b"


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def sign_in(page: Page, url: str, email: str, then: str = "/approvals/") -> None:
    page.goto(f"{url}/accounts/login/?next={then}")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    # The address of the sign-in page names the one that comes after, too.
    page.wait_for_url(lambda at: "/accounts/login/" not in at)


def several(organisation: Organisation, token: str) -> list[ApprovalRequest]:
    """Three requests of two agents, one of them with a past, and one more of them needing two people."""
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    pair = credential_for(organisation, active_agent(organisation, "Careful Refactorer", policy))
    old = opened(token, "gh pr merge 5 --squash", initiator="member@example.test")
    review(old, organisation.approver, Verdict.DENY)
    first = opened(token, "gh pr merge 7 --squash", initiator="member@example.test")
    second = opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    third = opened(pair, "git push origin main", initiator="second-manager@example.test")
    review(third, organisation.second_approver)
    return [first, second, third]


def test_the_inbox_and_a_request_look_right(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """Axe in light and dark, nothing sideways; pictures for the eye."""
    requests = several(organisation, token)
    sign_in(page, live_server.url, organisation.approver.email)
    expect(page.locator("[data-key-row]")).to_have_count(3)
    look_over(page, "inbox")
    page.goto(f"{live_server.url}/approvals/?show=pending&group=on")
    look_over(page, "inbox-grouped")
    page.goto(f"{live_server.url}/approvals/?show=decided")
    look_over(page, "inbox-decided")
    page.goto(f"{live_server.url}/approvals/?q=zebra")
    look_over(page, "inbox-no-match")
    page.goto(f"{live_server.url}/approvals/AR-{requests[2].number}/")
    look_over(page, "request")
    nasty = opened(token, HARMLESS_LOOKING, session_id="session-9")
    page.goto(f"{live_server.url}/approvals/AR-{nasty.number}/")
    expect(page.get_by_text("Something in it hides")).to_be_visible()
    look_over(page, "request-hidden")


def test_on_a_phone(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """320 px: the list alone, the request whole; the way to the decision in reach, the verdict beneath a reason."""
    first = several(organisation, token)[0]
    page.set_viewport_size({"width": 320, "height": 640})
    sign_in(page, live_server.url, organisation.approver.email)
    look_over(page, "inbox-320")
    page.locator(f"#open-{first.number}").click()
    expect(page).to_have_url(re.compile(rf"/approvals/AR-{first.number}/$"))
    approve = page.get_by_role("button", name="Approve")
    way = page.get_by_role("link", name="Write a reason")
    expect(way).to_be_in_viewport()
    # Nobody approves from the first screen, with what is asked still below the fold.
    expect(approve).not_to_be_in_viewport()
    way.click()
    expect(page.get_by_label("Reason")).to_be_focused()
    expect(approve).to_be_in_viewport()
    box = approve.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    look_over(page, "request-320")
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path="var/screenshots/request-320-top.png")


def test_a_request_arrives_and_leaves_without_a_reload(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """Title, badge and list follow by themselves; another person's decision empties the list again."""
    sign_in(page, live_server.url, organisation.approver.email)
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    page.evaluate("window.untouched = true")
    request = opened(token)
    row = page.locator(f"#row-{request.number}")
    expect(row).to_be_visible()
    expect(row).to_have_class(re.compile("new-mark"))
    expect(page.locator("#announce")).to_have_text("1 new request.")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert "alert" in str(page.locator("link[rel=icon]").get_attribute("href"))
    review(request, organisation.second_approver)
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    expect(page).to_have_title("Approvals · Bailiwick")
    assert page.evaluate("window.untouched") is True


def test_a_key_goes_to_the_request_whose_row_was_gone_to(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """Beside the list another request still stands open: what is written is for the row, never for that one."""
    first, second = opened(token), opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    sign_in(page, live_server.url, organisation.approver.email)
    expect(page.locator(f"#request-{first.number}")).to_be_visible()
    page.locator(f"#open-{second.number}").focus()
    page.keyboard.press("d")
    expect(page.locator(f"#decision-{second.number}").get_by_label("Reason")).to_be_focused()
    expect(page.locator(f"#request-{first.number}")).to_have_count(0)
    expect(page.locator(f"#row-{second.number}")).to_have_class(re.compile("row--current"))
    page.keyboard.type("Not a package that we use.")
    # Approve stands before it, and is not what Tab and Enter give to whoever went there to deny.
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Deny")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"AR-{second.number} is denied.")).to_be_visible()
    assert Review.objects.get().request_id == second.pk
    # The decided one still stands beside the list, and the keyboard is with the next.
    expect(page.locator(f"#open-{first.number}")).to_be_focused()
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile(rf"/approvals/AR-{first.number}/edit/$"))


def test_the_keyboard_goes_on_also_when_the_list_knew_of_a_decision_first(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """The list asks by itself: it may lose the row before whoever decided it is answered."""
    first, second = opened(token), opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    sign_in(page, live_server.url, organisation.approver.email)
    answers: list[tuple[Route, APIResponse]] = []
    page.route("**/review/", lambda route: answers.append((route, route.fetch())))
    page.locator(f"#open-{first.number}").focus()
    page.keyboard.press("d")
    expect(page.locator(f"#decision-{first.number}").get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Not this week.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-key-row]")).to_have_count(1)
    [(route, answer)] = answers
    route.fulfill(response=answer)
    expect(page.get_by_text(f"AR-{first.number} is denied.")).to_be_visible()
    expect(page.locator(f"#open-{second.number}")).to_be_focused()


def test_without_room_beside_the_list_a_key_opens_the_page_of_its_row(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    _, second = opened(token), opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    page.set_viewport_size({"width": 700, "height": 800})
    sign_in(page, live_server.url, organisation.approver.email)
    page.locator(f"#open-{second.number}").focus()
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile(rf"/approvals/AR-{second.number}/$"))


def test_what_comes_into_the_pane_is_read_from_its_beginning(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """The pane scrolls for itself: another request would begin in its middle, the news of a verdict stand above."""
    first, second = opened(token), opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    sign_in(page, live_server.url, organisation.approver.email)
    page.keyboard.press("a")
    expect(page.locator(f"#decision-{first.number}").get_by_label("Reason")).to_be_focused()
    expect(page.locator(f"#request-{first.number} .request-title")).not_to_be_in_viewport()
    page.locator(f"#open-{second.number}").click()
    expect(page.locator(f"#request-{second.number} .request-title")).to_be_in_viewport()
    page.keyboard.press("d")
    expect(page.locator(f"#decision-{second.number}").get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Not a package that we use.")
    page.locator("[data-deny]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"AR-{second.number} is denied.")).to_be_in_viewport()


def test_of_rows_opened_quickly_the_last_is_shown(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """One whose answer never comes does not keep the next from coming, and does not come after it."""
    opened(token)
    second = opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    third = opened(token, "git push origin HEAD:main", session_id="session-3")
    sign_in(page, live_server.url, organisation.approver.email)
    held: list[Route] = []
    page.route(f"**/approvals/AR-{second.number}/", lambda route: held.append(route))  # noqa: PLW0108  (a builtin cannot be given)
    page.locator(f"#open-{second.number}").click()
    expect(page.locator("#detail")).to_have_attribute("aria-busy", "true")
    page.locator(f"#open-{third.number}").focus()
    page.keyboard.press("a")
    expect(page.locator(f"#decision-{third.number}").get_by_label("Reason")).to_be_focused()
    expect(page.locator("#detail")).not_to_have_attribute("aria-busy", "true")
    assert len(held) == 1


def test_decided_by_keyboard(page: Page, live_server: LiveServer, organisation: Organisation, token: str) -> None:
    """j and k move, o opens beside the list, d goes to the reason; no key decides; x selects; then the next row."""
    first, second = opened(token), opened(token, "npm install left-pad@1.3.0", session_id="session-2")
    sign_in(page, live_server.url, organisation.approver.email)
    expect(page.locator("[data-key-row]")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(f"#open-{first.number}")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator(f"#request-{second.number}")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"open={second.number}"))
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("jkdx? I have read it.")
    assert Review.objects.count() == 0
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Approve").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"AR-{second.number} is approved.")).to_be_visible()
    expect(page.locator("[data-key-row]")).to_have_count(1)
    expect(page.locator(f"#open-{first.number}")).to_be_focused()
    given = Review.objects.get()
    assert (given.reason, given.verdict, given.request_id) == ("jkdx? I have read it.", "approve", second.pk)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_label("Use single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).not_to_be_focused()


def test_a_decision_without_a_reason_beside_the_list(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    opened(token)
    sign_in(page, live_server.url, organisation.approver.email)
    page.get_by_label("Reason").fill("     ")
    see_all(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Nothing was decided: write why")).to_be_in_viewport()
    expect(page.get_by_label("Reason")).to_be_focused()
    assert Review.objects.count() == 0


def test_a_decision_without_a_reason_is_not_sent(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    request = opened(token)
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{request.number}/")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    # Spaces pass the browser's own check: the portal says the same, on the same page.
    page.get_by_label("Reason").fill("     ")
    see_all(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Nothing was decided: write why")).to_be_in_viewport()
    expect(page.get_by_label("Reason")).to_be_focused()
    assert Review.objects.count() == 0
    page.get_by_label("Reason").fill("Not on a Friday.")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text(f"AR-{request.number} is denied.")).to_be_visible()
    expect(page.get_by_text("Not on a Friday.", exact=True)).to_be_visible()


@pytest.mark.parametrize("panel", [True, False], ids=["beside the list", "own page"])
def test_what_changed_meanwhile_is_shown_and_nothing_is_lost(
    page: Page, live_server: LiveServer, organisation: Organisation, request: pytest.FixtureRequest, panel: bool
) -> None:
    """R50: the policy is revised while the page stands open: 409, the difference, and what was typed."""
    agent: Agent = request.getfixturevalue("agent")
    asked = opened(request.getfixturevalue("token"))
    then = "/approvals/" if panel else f"/approvals/AR-{asked.number}/"
    sign_in(page, live_server.url, organisation.approver.email, then)
    page.get_by_label("Reason").fill("It is only a small change.")
    # On a busy machine the reason is gone to before the browser has told what stood above it.
    see_all(page)
    # As a page whose news have not come yet: what is decided must not depend on them.
    page.route("**/approvals/**/news/**", lambda route: route.abort())
    page.route("**/approvals/list/**", lambda route: route.abort())
    document = policy_document()
    document["approval"]["grant_minutes"] = 5
    tighten_policy(actor=organisation.manager, agent=agent, document=document, based_on=1)
    with page.expect_response(re.compile("/review/$")) as answer:
        page.get_by_role("button", name="Approve").click()
    assert answer.value.status == 409
    # Beside it may stand that the portal cannot be reached: for the news that is so here.
    expect(page.get_by_role("alert").filter(has_text="What you were shown has changed")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("policy revision 1 2"))).to_be_visible()
    expect(page.get_by_text("It is only a small change.")).to_be_visible()
    assert Review.objects.count() == 0
    request.getfixturevalue("look_over")(page, f"request-409-{'panel' if panel else 'page'}")


def test_that_the_portal_is_away_is_said_until_it_is_back(
    page: Page, live_server: LiveServer, organisation: Organisation
) -> None:
    sign_in(page, live_server.url, organisation.approver.email)
    away = page.get_by_text("The portal could not be reached")
    page.route("**/approvals/pulse/**", lambda route: route.abort())
    expect(away).to_be_visible()
    # Nothing is new: the pulse alone tells that it is back.
    page.unroute("**/approvals/pulse/**")
    expect(away).to_have_count(0)


def test_the_page_says_when_someone_else_was_first(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    request = opened(token)
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{request.number}/")
    review(request, organisation.second_approver)
    expect(page.get_by_text("This has changed since you opened it")).to_be_visible()
    page.get_by_role("link", name="Show how it stands now").click()
    expect(page.get_by_text("The agent may make exactly this call, once.")).to_be_visible()


def test_what_was_approved_and_done(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """The page of an approved request says what became of its grant."""
    request = review(opened(token), organisation.second_approver)
    assert ask(token).granted
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{request.number}/")
    expect(page.get_by_text("The action was let through, once.")).to_be_visible()
    look_over(page, "request-done")
    page.goto(f"{live_server.url}/agents/")
    expect(page.locator("svg.spark")).to_be_visible()
    page.goto(f"{live_server.url}/approvals/home/")
    expect(page.get_by_text("Nothing waits for your decision.")).to_be_visible()


def test_trying_an_action(
    page: Page, live_server: LiveServer, organisation: Organisation, agent: Agent, look_over: LookOver
) -> None:
    """The answer without asking: no request opens and nothing is recorded."""
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/try/{agent.slug}/")
    page.get_by_label("Command, path").fill("cat README.md && git push --force origin main")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".try-answer")).to_contain_text("Rules that decide")
    look_over(page, "try-action")
    assert ApprovalRequest.objects.count() == 0


def test_a_session_that_ends_before_the_decision(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """Signing in again leads back to the request, not to an address that takes no GET; the reason is still there."""
    asked = opened(token)
    address = f"/approvals/AR-{asked.number}/"
    sign_in(page, live_server.url, organisation.approver.email, address)
    page.get_by_label("Reason").fill("Not on a Friday.")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Deny").click()
    page.locator("input[name=login]").fill(organisation.approver.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{live_server.url}{address}")
    expect(page.get_by_label("Reason")).to_have_value("Not on a Friday.")
    expect(page.get_by_text("You were signed out before this was sent, so nothing of it was recorded.")).to_be_visible()
    assert Review.objects.count() == 0
