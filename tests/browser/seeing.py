"""Going through a request as its page asks for it: approving opens when every part was on the screen."""

from playwright.sync_api import Page, expect


def see_all(page: Page) -> None:
    """Go through the parts that were not on the screen yet, as the page offers it."""
    # Before its scripts are there the page does not say what is left.
    page.wait_for_load_state()
    line = page.locator("[data-unseen]")
    while said := line.all_text_contents():
        if line.is_hidden():
            return
        # Pressed even when the last part comes into sight at this moment and the button leaves.
        page.locator("[data-unseen-go]").dispatch_event("click")
        expect(line).not_to_have_text(said[0])
