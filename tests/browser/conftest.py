"""A real browser for the tests: Chromium as the system packages it, axe-core, and screenshots for the eye."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests" / "data" / "axe" / "axe.min.js"
CHROMIUM = os.environ.get("BAILIWICK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# Quiet: headless, and none of the browser's own calls to its maker.
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GRAVE = {"serious", "critical"}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")

# The machine may have much other work: what a page does by itself gets so long, and an answer as long as Playwright
# gives it (30 s). A test that passes waits no longer for it.
expect.set_options(timeout=15_000)

Axe = Callable[[Page], list[str]]
Screenshot = Callable[[Page, str], Path]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session; its tests are skipped on a machine without one."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; install the package chromium or set BAILIWICK_CHROMIUM")
    # The sync API runs an event loop in this thread; Django would refuse database access beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh profile at desk size; a script error or a refused resource on the page fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Madrid")
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if _is_policy(message.text) else None)
    yield opened
    context.close()
    assert faults == []


def _is_policy(text: str) -> bool:
    return "Content Security Policy" in text or "Content-Security-Policy" in text


@pytest.fixture(scope="session")
def axe() -> Axe:
    """``axe(page)`` gives the serious and critical findings as readable lines; an empty list is a pass."""
    source = AXE.read_text(encoding="utf-8")

    def findings(opened: Page) -> list[str]:
        # Evaluated over the debugging protocol, so the page's own policy stays as strict as in use.
        opened.evaluate(source)
        report: dict[str, Any] = opened.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{found['impact']} {found['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for found in report["violations"]
            if found["impact"] in GRAVE
            for node in found["nodes"]
        ]

    def look(opened: Page) -> list[str]:
        found = findings(opened)
        if found:
            # A live list may be swapped in while axe reads, with a frame of the other scheme's colours
            # still on it. What is really wrong is wrong a moment later too.
            opened.wait_for_timeout(700)
            found = findings(opened)
        return found

    return look


@pytest.fixture(scope="session")
def no_sideways() -> Callable[[Page], None]:
    """``no_sideways(page)`` fails when the page is wider than the window, and names what sticks out."""

    def check(opened: Page) -> None:
        wide = opened.evaluate(
            """() => {
                const room = document.documentElement.clientWidth;
                if (document.documentElement.scrollWidth <= room) return [];
                return [...document.querySelectorAll("body *")]
                    .filter((e) => e.getBoundingClientRect().right > room + 1)
                    .filter((e) => !e.closest(".table-scroll, .diff, pre"))
                    .map((e) => e.outerHTML.slice(0, 120)).slice(0, 5);
            }"""
        )
        assert wide == []
        assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    return check


@pytest.fixture(scope="session")
def screenshot() -> Screenshot:
    """``screenshot(page, "name")`` writes var/screenshots/name.png (whole page) and gives its path."""
    folder = Path(os.environ.get("BAILIWICK_SCREENSHOTS", ROOT / "var" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)

    def take(opened: Page, name: str) -> Path:
        path = folder / f"{name}.png"
        opened.screenshot(path=path, full_page=True)
        return path

    return take


@pytest.fixture
def look_over(axe: Axe, no_sideways: Callable[[Page], None], screenshot: Screenshot) -> Callable[[Page, str], None]:
    """``look_over(page, "name")``: axe in light and dark, a picture of each, and nothing wider than the window."""

    def check(opened: Page, name: str) -> None:
        for scheme in SCHEMES:
            opened.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            # The colours follow with the next frame; before it axe may read those of the other scheme.
            opened.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            screenshot(opened, f"{name}-{scheme}")
            assert axe(opened) == [], scheme
        no_sideways(opened)

    return check


@pytest.fixture(scope="session")
def gallery_url() -> Iterator[str]:
    """The gallery of components, served by a process of its own that needs no database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.browser.gallery_settings"}
    server = subprocess.Popen(
        [sys.executable, "-m", "django", "runserver", "--noreload", "--insecure", "--skip-checks", f"127.0.0.1:{port}"],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/sign-in/", server)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):
        if server.poll() is not None:
            pytest.fail("the gallery's server ended before it answered")
        try:
            with urlopen(url):  # noqa: S310 (a loopback address made above)
                return
        except URLError:
            time.sleep(0.1)
    pytest.fail("the gallery's server did not answer")
