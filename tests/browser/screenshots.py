"""Take a picture of every page of the running demo: `make screenshots` after `make run`.

Light, dark and 320 px wide, as the person whose page it is; into ``var/screenshots``.
"""

import argparse
import re
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGS, CHROMIUM

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTHS: dict[str, tuple[Literal["light", "dark"], int]] = {
    "light": ("light", 1280),
    "dark": ("dark", 1280),
    "narrow": ("light", 320),
}
# Who looks at what: a name for the file, and the address or a link to follow from the page before it.
VISITS: dict[str, tuple[tuple[str, str], ...]] = {
    "manager": (
        ("home", "/"),
        ("agents", "/agents/"),
        ("agent", "a:/agents/payments"),
        ("register", "/agents/register/"),
        ("scope", "/agents/payments-maintainer/scope/"),
        ("use", "/agents/payments-maintainer/use/"),
        ("credentials", "/agents/payments-maintainer/credentials/"),
        ("documents", "/agents/payments-maintainer/documents/"),
        ("history", "/agents/payments-maintainer/history/"),
        ("change-policy", "/agents/payments-maintainer/policy/"),
        ("stop", "/agents/payments-maintainer/stop/"),
        ("sheet", "/agents/payments-maintainer/sheet/"),
        ("policies", "/policies/"),
        ("proposal", "/policies/proposals/2/"),
        ("catalogue", "/policies/catalogue/"),
        ("recertification", "/recertification/2/"),
        ("findings", "/findings/"),
        ("drills", "/drills/"),
        ("import", "/import/"),
        ("team-of-agents", "/teams/payments/"),
        ("stops", "/stops/"),
        ("runs", "/runs/"),
        ("run", "a:/runs/"),
        ("settings", "/settings/"),
    ),
    "approver": (("inbox", "/approvals/"), ("request", "a:/approvals/AR-")),
    "auditor": (
        ("auditor-home", "/"),
        ("packages", "/packages/"),
        ("package", "a:/packages/PK-"),
        ("package-new", "/packages/new/"),
    ),
    "operator": (("people", "/settings/people/"), ("teams", "/settings/teams/")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8800")
    parser.add_argument("--data", type=Path, default=ROOT / "var")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    folder = asked.data / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    password, people = sign_ins(asked.data / "demo-sign-ins.txt")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        for look, (scheme, width) in WIDTHS.items():
            for role, visits in VISITS.items():
                context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
                page = context.new_page()
                sign_in(page, asked.url, people[role], password)
                for name, address in visits:
                    if asked.only in name:
                        visit(page, asked.url, address)
                        page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
                        print(f"{name}-{look}")
                context.close()
        browser.close()


def sign_ins(file: Path) -> tuple[str, dict[str, str]]:
    """The demo's password, and the first e-mail address for each role."""
    text = file.read_text(encoding="utf-8")
    found = re.search(r"Password[^:]*: (\S+)", text)
    if found is None:
        raise SystemExit(f"{file} names no password; is the demo seeded?")
    people: dict[str, str] = {}
    for role, email in re.findall(r", (\w+)(?:, \w+)?\s+(\S+@\S+)", text):
        people.setdefault(role, email)
    return found.group(1), people


def sign_in(page: Page, base: str, email: str, password: str) -> None:
    page.goto(f"{base}/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/")


def visit(page: Page, base: str, address: str) -> None:
    """Open an address; ``a:/x`` follows the first link on the page whose address begins with ``/x``."""
    if address.startswith("a:"):
        link = page.locator(f"main a[href^='{address[2:]}']:not([href*=export])").first.get_attribute("href")
        address = link or "/"
    page.goto(base + address)
    page.wait_for_load_state("networkidle" if "approvals" not in address else "load")
    page.wait_for_timeout(600)


if __name__ == "__main__":
    main()
