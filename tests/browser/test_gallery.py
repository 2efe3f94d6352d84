"""Every component is accessible, fits a phone and keeps to the content policy, in light and in dark."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.web import clock
from tests.browser.conftest import Axe

pytestmark = pytest.mark.browser

PAGES = {
    "gallery": "/",
    "inbox": "/approvals/",
    "sign-in": "/sign-in/",
    "stale": "/problem/stale/",
    "invalid": "/problem/input/",
    "fault": "/problem/fault/",
    "missing": "/nothing/",
}


@pytest.fixture(params=[320, 1280], ids=lambda width: f"{width}px")
def width(request: pytest.FixtureRequest, page: Page) -> int:
    page.set_viewport_size({"width": request.param, "height": 900})
    return int(request.param)


@pytest.mark.parametrize("name", PAGES)
def test_accessible_and_not_wider_than_the_window(
    page: Page, width: int, gallery_url: str, look_over: Callable[[Page, str], None], name: str
) -> None:
    page.goto(gallery_url + PAGES[name], wait_until="networkidle")
    look_over(page, f"{name}-{width}")


def test_the_inspection_sees_what_is_wrong(page: Page, gallery_url: str, axe: Axe) -> None:
    page.goto(gallery_url)
    page.evaluate("""() => {
        const faint = document.createElement("p");
        faint.textContent = "Hard to read";
        faint.className = "planted";
        document.querySelector("main").append(faint, document.createElement("button"));
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(".planted { color: #ddd; background: #fff }");
        document.adoptedStyleSheets = [sheet];
    }""")
    found = " ".join(axe(page))
    assert "color-contrast" in found
    assert "button-name" in found


def test_opened_menus_and_dialogs_are_accessible_too(
    page: Page, gallery_url: str, look_over: Callable[[Page, str], None]
) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(gallery_url, wait_until="networkidle")
    page.locator(".nav summary").click()
    page.locator(".menu summary").click()
    look_over(page, "menus-320")
    page.goto(gallery_url)
    page.locator('[data-dialog-open="stop"]').click()
    look_over(page, "dialog-320")


def test_spans_read_the_same_from_server_and_script(page: Page, gallery_url: str) -> None:
    page.goto(gallery_url)
    lengths = [0, 1, 59, 60, 61, 3599, 3600, 3661, 7199, 86399, 86400, 90000, 172800, 10_000_000]
    written = page.evaluate(
        """async (lengths) => {
            const { span } = await import("/static/js/time.js");
            return lengths.map(span);
        }""",
        lengths,
    )
    assert written == [clock.span(length) for length in lengths]


def test_the_theme_is_kept_and_the_menu_closes(page: Page, gallery_url: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(gallery_url)
    paper = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.locator(".menu summary").click()
    page.get_by_text("Dark", exact=True).click()
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != paper
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator(".menu summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".menu")).not_to_have_attribute("open", "")
    expect(page.locator(".menu summary")).to_be_focused()


def test_times_are_local_and_evidence_is_not(page: Page, gallery_url: str) -> None:
    page.goto(gallery_url)
    local = page.locator("time[data-local]").first
    expect(local).not_to_contain_text("UTC")
    assert "UTC" in (local.get_attribute("title") or "")
    expect(page.locator("dd time:not([data-local])").first).to_contain_text("UTC")


def test_keys_move_and_select_but_never_while_typing(page: Page, gallery_url: str) -> None:
    page.goto(f"{gallery_url}/approvals/")
    page.keyboard.press("j")
    expect(page.locator("[data-key-open]").nth(1)).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-key-select]").nth(1)).to_be_checked()
    page.keyboard.press("d")
    decide = page.locator("[data-key-decide]")
    expect(decide).to_be_focused()
    page.keyboard.type("jjx?")
    expect(decide).to_have_value("jjx?")
    expect(page.locator("#keyboard-help")).not_to_be_visible()


def test_keys_help_go_and_off_switch(page: Page, gallery_url: str) -> None:
    page.goto(f"{gallery_url}/approvals/")
    page.keyboard.press("?")
    expect(page.locator("#keyboard-help")).to_be_visible()
    page.locator("[data-keys-switch]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("[data-key-open]").nth(1)).not_to_be_focused()
    page.locator(".footer button").click()
    page.locator("[data-keys-switch]").check()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(re.compile("/runs/$"))


def test_the_count_reaches_badge_title_and_icon(page: Page, gallery_url: str) -> None:
    page.goto(gallery_url, wait_until="networkidle")
    expect(page.locator(".nav .badge")).to_contain_text("3")
    expect(page).to_have_title(re.compile(r"^\(3\) Gallery"))
    assert "favicon-alert" in (page.locator('link[rel="icon"]').get_attribute("href") or "")


def test_navigation_and_forms_work_without_javascript(page: Page, gallery_url: str) -> None:
    bare = page.context.browser
    assert bare is not None
    context = bare.new_context(java_script_enabled=False, viewport={"width": 360, "height": 700})
    plain = context.new_page()
    plain.goto(gallery_url)
    expect(plain.get_by_role("link", name="Runs")).not_to_be_visible()
    plain.locator(".nav summary").click()
    plain.get_by_role("link", name="Runs").click()
    plain.wait_for_url(re.compile("/runs/$"))
    context.close()


def test_a_dialog_names_what_it_touches_and_closes(page: Page, gallery_url: str) -> None:
    page.goto(gallery_url)
    page.locator('[data-dialog-open="stop"]').click()
    dialog = page.get_by_role("dialog", name="Stop Payments Platform?")
    expect(dialog).to_contain_text("3 pending requests")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).not_to_be_visible()


def test_thumbs_find_the_decision(page: Page, gallery_url: str) -> None:
    page.goto(f"{gallery_url}/approvals/")
    for button in page.locator(".decide .button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
