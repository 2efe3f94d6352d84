"""The registry's pages: lists that narrow, acts by POST for those who may, and text that stays text."""

import json

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from registry.models import Agent, Credential, KillOrder
from registry.rules.kill import ScopeKind
from registry.selectors.agents import agent_for
from registry.services.credential import issue_credential
from registry.services.kill import order_kill
from registry.web.connect import claude_settings
from tests.organisation import Organisation, active_agent, draft_agent
from tests.sign_in import sign_in

EVIL = "<script>alert(1)</script>'\"&{{7*7}}"


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    client.force_login(organisation.manager)
    return client


def _names(client: Client, query: str) -> list[str]:
    page = client.get(f"/agents/{query}")
    assert page.status_code == 200
    return [row["agent"].name for row in page.context["rows"]]


def test_filters_narrow_the_list(manager: Client, organisation: Organisation) -> None:
    active = active_agent(organisation, "Alpha", purpose="Rotates keys.")
    draft_agent(organisation, "Beta", platform="codex")
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=active.pk, reason="a drill")
    assert _names(manager, "") == ["Alpha", "Beta"]
    assert _names(manager, "?sort=-name") == ["Beta", "Alpha"]
    assert _names(manager, "?q=rotates") == ["Alpha"]
    assert _names(manager, "?state=draft") == ["Beta"]
    assert _names(manager, "?state=stopped") == ["Alpha"]
    assert _names(manager, "?platform=codex") == ["Beta"]
    assert _names(manager, "?team=payments&state=active") == ["Alpha"]
    # A filter that cannot be understood is named and narrows nothing.
    assert _names(manager, "?state=nonsense") == ["Alpha", "Beta"]
    assert _names(manager, "?q=%00") == ["Alpha", "Beta"]


def test_a_stop_of_everything_shows_on_every_agent(manager: Client, organisation: Organisation) -> None:
    active_agent(organisation, "Alpha")
    order_kill(actor=organisation.security, kind=ScopeKind.ALL, scope_id=None, reason="a drill")
    page = manager.get("/agents/?state=stopped")
    assert [row["state"] for row in page.context["rows"]] == ["stopped"]
    assert b"Stopped: all agents" in page.content


def test_a_list_of_fifty_costs_no_more_than_one_of_one(
    manager: Client, organisation: Organisation, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    active_agent(organisation, "Agent 00")
    with django_assert_num_queries(10):
        manager.get("/agents/")
    for number in range(1, 52):
        draft_agent(organisation, f"Agent {number:02}")
    with django_assert_num_queries(11):  # and one to count those of the next pages
        page = manager.get("/agents/")
    assert len(page.context["rows"]) == 50
    assert b"52" in page.content
    following = manager.get(f"/agents/?cursor={page.context['page'].next_cursor}")
    assert [row["agent"].name for row in following.context["rows"]] == ["Agent 50", "Agent 51"]


def test_text_stays_text_everywhere(manager: Client, organisation: Organisation) -> None:
    agent = active_agent(organisation, f"Evil {EVIL}", purpose=EVIL, data_touched=EVIL)
    credential, _ = issue_credential(actor=organisation.manager, agent=agent, name=EVIL, days=1)
    order = order_kill(actor=organisation.security, kind=ScopeKind.AGENT, scope_id=agent.pk, reason=EVIL)
    for path in (
        "/agents/",
        f"/agents/{agent.slug}/",
        f"/agents/{agent.slug}/scope/",
        f"/agents/{agent.slug}/credentials/",
        f"/agents/{agent.slug}/credentials/{credential.pk}/revoke/",
        f"/agents/{agent.slug}/connect/",
        f"/agents/{agent.slug}/history/",
        f"/agents/{agent.slug}/activity/",
        f"/agents/{agent.slug}/policy/",
        f"/agents/{agent.slug}/stop/",
        "/stops/",
        f"/stops/{order.number}/",
        "/home/agents/",
        "/home/kills/",
    ):
        content = manager.get(path).content.decode()
        assert "<script>alert" not in content, path


@pytest.mark.parametrize(("who", "status"), [("member", 403), ("security", 403), ("auditor", 403), ("outsider", 404)])
def test_acts_are_refused_by_post_too(
    client: Client, organisation: Organisation, agent: Agent, who: str, status: int
) -> None:
    credential, _ = issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    draft = draft_agent(organisation, "Docs Writer")
    client.force_login(organisation.people[who])
    home = f"/agents/{agent.slug}"
    for path in (
        f"{home}/credentials/",
        f"{home}/credentials/{credential.pk}/revoke/",
        f"{home}/policy/",
        f"{home}/policy/difference/",
        f"/agents/{draft.slug}/register/scope/",
        f"/agents/{draft.slug}/register/scope/charter/",
        f"/agents/{draft.slug}/register/review/",
    ):
        assert client.post(path, {"name": "x", "days": "1"}).status_code == status, path
    credential.refresh_from_db()
    assert (credential.revoked_at, Credential.objects.count()) == (None, 1)
    assert agent_for(organisation.manager, draft.pk).state == "draft"


@pytest.mark.parametrize(("who", "status"), [("manager", 302), ("security", 302), ("member", 403), ("auditor", 403)])
def test_the_stop_page_says_beforehand_who_may(
    client: Client, organisation: Organisation, agent: Agent, who: str, status: int
) -> None:
    client.force_login(organisation.people[who])
    page = client.get(f"/agents/{agent.slug}/stop/")
    assert (b"You cannot order this stop" in page.content) is (status == 403)
    assert client.post(f"/agents/{agent.slug}/stop/", {"reason": "it misbehaves"}).status_code == status
    assert KillOrder.objects.exists() is (status == 302)


def test_a_stop_needs_its_reason_and_resumes_by_two_others(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    client.force_login(organisation.manager)
    assert client.post(f"/agents/{agent.slug}/stop/", {"reason": " "}).status_code == 422
    stop = client.post(f"/agents/{agent.slug}/stop/", {"reason": "it misbehaves"})["Location"]
    assert b"cannot agree to end it" in client.get(stop).content
    assert client.post(stop, {"reason": "never mind"}).status_code == 403
    for person in (organisation.second_manager, organisation.security):
        client.logout()
        sign_in(client, person)
        assert client.post(stop, {"reason": "seen"}).headers["Location"] == stop
    assert b"Resumed" in client.get(stop).content
    # Too late: said, and nothing is changed.
    assert client.post(stop, {"reason": "again"}, follow=True).status_code == 200


def test_pages_of_one_agent_stay_cheap(
    manager: Client,
    organisation: Organisation,
    agent: Agent,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for tab in ("", "scope/", "credentials/", "connect/", "history/", "activity/", "policy/", "stop/"):
        with django_assert_max_num_queries(30):
            assert manager.get(f"/agents/{agent.slug}/{tab}").status_code == 200


def test_the_settings_ask_before_and_report_after() -> None:
    text = claude_settings(base_url="https://portal.example", repository='acme/"odd"')
    hooks = json.loads(text)["hooks"]
    ask = hooks["PreToolUse"][0]["hooks"][0]
    assert ask == {
        "type": "http",
        "url": "https://portal.example/hooks/claude",
        "timeout": 10,
        "headers": {"Authorization": "Bearer $BAILIWICK_TOKEN", "Bailiwick-Repository": 'acme/"odd"'},
        "allowedEnvVars": ["BAILIWICK_TOKEN"],
        "onFailure": "block",
    }
    told = {event: entries[0]["hooks"][0]["url"] for event, entries in hooks.items() if event != "PreToolUse"}
    assert set(told) == {"PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "SessionEnd"}
    assert set(told.values()) == {"https://portal.example/ingest/hooks/claude"}
