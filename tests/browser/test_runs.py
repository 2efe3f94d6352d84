"""Runs in a real browser: the list and a story with gaps, light and dark, and at the width of a phone."""

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from registry.models import Agent
from tests.organisation import Organisation
from tests.reports.synthetic_runs import report, step

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_list_and_the_story(  # noqa: PLR0917 (fixtures)
    live_server: LiveServer,
    page: Page,
    look_over: Callable[[Page, str], None],
    no_sideways: Callable[[Page], None],
    organisation: Organisation,
    agent: Agent,
) -> None:
    run = report(
        agent,
        step(0, 0, "user_prompt", content={"prompt": "Fix the total. " * 40}, repository="acme/payments"),
        step(1, 1, tool="Bash", content={"tool_input": {"command": "x" * 300}, "tool_output": "done"}),
        step(7, 55, tool="Bash", content={"command": "curl \u202egpj.exe"}),
    )
    client = Client()
    client.force_login(organisation.auditor)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    for name, path in (("runs", "/runs/"), ("run", f"/runs/{run.pk}/")):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(live_server.url + path)
        look_over(page, name)
        page.set_viewport_size({"width": 320, "height": 700})
        no_sideways(page)
    page.get_by_text("1 more text").first.click()
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    no_sideways(page)
