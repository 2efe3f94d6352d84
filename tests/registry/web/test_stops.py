"""The pages of the kill switch: what a stop would do, the click, how it takes hold, and who may not."""

from uuid import uuid4

import pytest
from django.test import Client

from registry.models import Agent, Credential, KillOrder
from registry.rules.kill import ScopeKind
from registry.rules.runs import run_id
from registry.services.kill import agree_resume, order_kill
from registry.services.lease import Point, hold_lease
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in

EVIL = "<b>runner</b>"


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def text(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def test_a_run_is_stopped_from_its_page(organisation: Organisation, agent: Agent, token: str, client: Client) -> None:
    hold_lease(token=token, point=Point(name=EVIL, kind="ci", session="session-1"))
    run = run_id(agent.pk, "session-1")
    sign_in(client, organisation.manager)
    page = text(client, f"/stops/run/{run}/")
    assert "At most 30 s" in page
    assert "&lt;b&gt;runner&lt;/b&gt; (Payments Refactorer)" in page
    assert "revoke_credentials" not in page
    done = client.post(f"/stops/run/{run}/", {"reason": "It loops."})
    order = KillOrder.objects.get()
    assert (done.status_code, done["Location"], order.key) == (302, f"/stops/{order.number}/", f"run:{run}")


def test_the_page_of_a_stop_asks_again_until_it_has_ended(
    organisation: Organisation, agent: Agent, token: str, client: Client
) -> None:
    hold_lease(token=token, point=Point(name=EVIL, kind="ci"))
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason=EVIL)
    sign_in(client, organisation.security)
    page = text(client, f"/stops/{order.number}/")
    fragment = text(client, f"/stops/{order.number}/progress/")
    for shown in (page, fragment):
        assert 'hx-trigger="every 1s"' in shown
        assert "Stopping" in shown
        assert EVIL not in shown
    assert "<noscript>" in page
    assert hold_lease(token=token, point=Point(name=EVIL, kind="ci")).stopped
    fragment = text(client, f"/stops/{order.number}/progress/")
    assert 'hx-trigger="every 5s"' in fragment
    assert "1 told, 0 by the end of the lease" in fragment
    for person in (organisation.second_manager, organisation.security):
        agree_resume(actor=person, order=order, reason="seen")
    assert "hx-trigger" not in text(client, f"/stops/{order.number}/progress/")


def test_credentials_go_with_an_agents_stop_when_asked(
    organisation: Organisation, agent: Agent, token: str, client: Client
) -> None:
    sign_in(client, organisation.manager)
    assert "revoke_credentials" in text(client, f"/agents/{agent.slug}/stop/")
    client.post(f"/agents/{agent.slug}/stop/", {"reason": "A token leaked.", "revoke_credentials": "on"})
    order = KillOrder.objects.get()
    assert order.credentials_revoked == 1
    assert Credential.objects.get().revoked_at == order.ordered_at
    assert "1 credential revoked with it" in text(client, f"/stops/{order.number}/")


def test_a_repository_is_typed_and_an_action_chosen(organisation: Organisation, agent: Agent, client: Client) -> None:
    sign_in(client, organisation.security)
    assert '<option value="acme/payments">' in text(client, "/stops/repository/")
    wrong = text(client, "/stops/repository/?name=payments", 422)
    assert "This is not the name of a repository" in wrong
    assert 'value="payments"' in wrong
    assert "Choose one" in text(client, "/stops/action/")
    assert "valid choice" in text(client, "/stops/action/?key=fly", 422)
    for path, key in (
        ("/stops/repository/?name=https://github.com/Acme/Payments.git", "repository:acme/payments"),
        ("/stops/action/?key=commit", "action:commit"),
    ):
        assert "1 agent, in this part of its work" in text(client, path)
        assert client.post(path, {"reason": ""}).status_code == 422
        assert client.post(path, {"reason": "Stop that."}).status_code == 302
        assert KillOrder.objects.filter(key=key, state="active").exists()


def test_who_may_not_sees_why_and_stops_nothing(organisation: Organisation, agent: Agent, client: Client) -> None:
    sign_in(client, organisation.manager)
    for path, why in (
        ("/stops/action/?key=commit", "Only people with the role security stop an action type"),
        ("/stops/repository/?name=acme/payments", "Only people with the role security stop a repository"),
        ("/stops/all/", "Only people with the role security stop everything"),
    ):
        page = text(client, path)
        assert why in page
        assert 'name="reason"' not in page
        assert client.post(path, {"reason": "please"}).status_code == 403
    assert not KillOrder.objects.exists()


def test_what_the_reader_may_not_see_is_not_there(
    organisation: Organisation, agent: Agent, token: str, client: Client
) -> None:
    hold_lease(token=token, point=Point(name="runner-7", kind="ci", session="session-1"))
    order_kill(actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id="acme/payments", reason="one")
    everything = order_kill(actor=organisation.security, kind=ScopeKind.ALL, scope_id=None, reason="two")
    sign_in(client, organisation.outsider)
    assert client.get(f"/stops/run/{run_id(agent.pk, 'session-1')}/").status_code == 404
    assert client.get(f"/stops/run/{uuid4()}/").status_code == 404
    assert client.get("/stops/repository/?name=acme/payments").status_code == 404
    assert "acme/payments" not in text(client, "/stops/repository/")
    assert "acme/payments" not in text(client, "/stops/")
    page = text(client, f"/stops/{everything.number}/")
    assert "runner-7" not in page
    assert agent.name not in page
    assert "1 point of agents that you may not see is not listed" in page
    assert "runner-7" not in text(client, "/stops/all/")


def test_the_list_is_narrowed_by_its_filters(organisation: Organisation, agent: Agent, client: Client) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a loose cannon")
    order_kill(actor=organisation.security, kind=ScopeKind.ACTION, scope_id="commit", reason="too many")
    sign_in(client, organisation.manager)
    assert text(client, "/stops/").count('data-label="What"') == 2
    assert text(client, "/stops/?kind=action").count('data-label="What"') == 1
    assert text(client, "/stops/?q=CANNON").count('data-label="What"') == 1
    assert "No stop matches" in text(client, "/stops/?state=resumed")
    assert text(client, "/stops/?kind=nonsense").count("valid choice") == 1
