"""The pages of drills and the connect page's shim, as people use them; and the same over the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.ledger.signing import load_signer
from registry.models import Agent, Drill
from registry.services.drill import finish_drill, plan_drill, start_drill
from tests.organisation import Organisation
from tests.registry.drilling import make_canary
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def test_from_asking_over_consent_to_the_result(client: Client, organisation: Organisation, agent: Agent) -> None:
    sign_in(client, organisation.security)
    before = page(client, f"/agents/{agent.slug}/drill/")
    assert "Ada Manager" in before
    assert "Active" in before.partition("lede")[2].partition("</p>")[0]
    asked = client.post(f"/agents/{agent.slug}/drill/")
    drill = Drill.objects.get()
    assert asked.headers["Location"] == f"/drills/{drill.number}/"
    assert "for the consent of who answers for the agent" in page(client, f"/drills/{drill.number}/")
    assert "It is not yours to give" in page(client, f"/drills/{drill.number}/consent/")
    assert client.post(f"/drills/{drill.number}/consent/").status_code == 403
    client = Client()
    sign_in(client, organisation.manager)
    effect = page(client, f"/drills/{drill.number}/consent/")
    assert "for up to 60 seconds" in effect
    assert "every check is refused" in effect
    assert client.post(f"/drills/{drill.number}/consent/").status_code == 302
    assert start_drill(drill_id=drill.pk) is not None
    assert 'hx-trigger="every 2s"' in page(client, f"/drills/{drill.number}/")
    finish_drill(drill_id=drill.pk)
    done = page(client, f"/drills/{drill.number}/")
    assert "nothing was measured" in done
    assert "hx-trigger" not in done.partition('id="drill-progress"')[2].partition(">")[0]


def test_cancelling(client: Client, organisation: Organisation, agent: Agent) -> None:
    drill = plan_drill(actor=organisation.security, agent=agent)
    sign_in(client, organisation.member)
    assert "Cancel the drill" not in page(client, f"/drills/{drill.number}/")
    assert client.post(f"/drills/{drill.number}/").status_code == 403
    client = Client()
    sign_in(client, organisation.manager)
    client.post(f"/drills/{drill.number}/")
    drill.refresh_from_db()
    assert drill.state == "cancelled"
    assert "has begun or ended already" in client.post(f"/drills/{drill.number}/", follow=True).content.decode()


def test_the_list_shows_what_is_overdue_and_makes_the_canary(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    Agent.objects.filter(pk=agent.pk).update(registered_at=agent.registered_at - timedelta(days=91))  # type: ignore[operator]
    sign_in(client, organisation.security)
    listed = page(client, "/drills/")
    assert "There is no canary" in listed and "Make the canary" in listed
    assert f"/agents/{agent.slug}/drill/" in listed
    answer = client.post("/drills/canary/", {"team": str(organisation.platform.pk)})
    assert answer.status_code == 302, answer.content
    canary = Agent.objects.get(canary=True)
    assert canary.accountable_person == organisation.outsider
    assert "Drill the canary now" in page(client, "/drills/")
    assert "It starts within seconds." in page(client, f"/agents/{canary.slug}/drill/")
    again = client.post("/drills/canary/", {"team": str(organisation.platform.pk)})
    assert again.status_code == 422
    assert "There is a canary already" in again.content.decode()


def test_only_security_makes_the_canary(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    assert client.post("/drills/canary/", {"team": str(organisation.payments.pk)}).status_code == 403
    assert not Agent.objects.exists()


def test_measured_times_are_shown_in_seconds(client: Client, organisation: Organisation) -> None:
    canary = make_canary(organisation)
    drill = plan_drill(actor=organisation.security, agent=canary)
    Drill.objects.filter(pk=drill.pk).update(promised_ms=30_000, measured_ms=1_250)
    sign_in(client, organisation.security)
    shown = " ".join(page(client, f"/drills/{drill.number}/").split())
    assert "<dt>Promised</dt><dd>30.0 s" in shown.replace("<dd> ", "<dd>")
    assert "1.3 s" in shown or "1.2 s" in shown
    Drill.objects.filter(pk=drill.pk).update(measured_ms=4)
    assert "0.0 s" in page(client, f"/drills/{drill.number}/")


def test_over_the_api(client: Client, organisation: Organisation, agent: Agent) -> None:
    sign_in(client, organisation.security)
    asked: Any = client.post("/api/v1/drills", {"agent": agent.slug}, content_type="application/json")
    assert asked.status_code == 201, asked.content
    number = asked.json()["number"]
    assert asked.json()["state"] == "waiting"
    again: Any = client.post("/api/v1/drills", {"agent": agent.slug}, content_type="application/json")
    assert again.status_code == 409
    refused: Any = client.post(f"/api/v1/drills/{number}/consent", {}, content_type="application/json")
    assert refused.status_code == 403
    client = Client()
    sign_in(client, organisation.manager)
    given: Any = client.post(f"/api/v1/drills/{number}/consent", {}, content_type="application/json")
    assert given.json()["consent_by"]["name"] == "Ada Manager"
    assert client.get("/api/v1/drills").json()["results"][0]["number"] == number
    cancelled: Any = client.post(f"/api/v1/drills/{number}/cancel", {}, content_type="application/json")
    assert cancelled.json()["state"] == "cancelled"
    client = Client()
    sign_in(client, organisation.outsider)
    assert client.get(f"/api/v1/drills/{number}").status_code == 404


def test_the_connect_page_gives_the_shim_and_the_key(client: Client, organisation: Organisation, agent: Agent) -> None:
    sign_in(client, organisation.manager)
    shown = page(client, f"/agents/{agent.slug}/connect/")
    assert load_signer("stop").vkey in shown.replace("&#x27;", "'").replace("&#43;", "+").replace("&#x2B;", "+")
    assert f"BAILIWICK_AGENT={agent.pk}" in shown
    assert "/static/connect/bailiwick.py" in shown
    assert "hook claude" in shown and "check --wait 600" in shown
