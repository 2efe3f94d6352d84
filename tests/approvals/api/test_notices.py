"""Notices over the API: own choices, channels whose secret is given once, deliveries sent again."""

from typing import Any

import pytest
from django.test import Client

from approvals.models import Channel, Delivery
from approvals.services.deliveries import claim, mark_failed
from approvals.services.notices import send_test
from portal.identity.models import Person
from portal.identity.services.tokens import issue_token
from registry.models import Agent
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
HOOK = {"kind": "webhook", "name": "Hook", "address": "https://hooks.example.com/services/T00/B00/the-key"}


def by_token(person: Person) -> dict[str, str]:
    _, token = issue_token(person=person, name="script", days=1)
    return {"Authorization": f"Bearer {token}"}


def send(client: Client, method: str, path: str, body: Any = None, **more: Any) -> Any:
    return getattr(client, method)(f"/api/v1/{path}", data=body, content_type="application/json", **more)


def test_own_choices(client: Client, organisation: Organisation) -> None:
    headers = by_token(organisation.approver)
    nothing = {"kinds": None, "quiet_from": None, "quiet_to": None, "timezone": "UTC", "digest": "none"}
    assert client.get("/api/v1/notices", headers=headers).json() == nothing
    chosen = {
        "kinds": ["approvals.request.opened"],
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "timezone": "Europe/Madrid",
        "digest": "hourly",
    }
    assert send(client, "put", "notices", chosen, headers=headers).json() == chosen
    assert client.get("/api/v1/notices", headers=headers).json() == chosen
    for wrong in ({"timezone": "Mars/Base"}, {"quiet_from": "22:00"}, {"kinds": ["test"]}, {"person": "someone"}):
        assert send(client, "put", "notices", wrong, headers=headers).status_code == 400
    assert client.get("/api/v1/notices", headers=headers).json() == chosen


def test_a_channel_takes_a_browser_and_gives_its_secret_once(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    headers = by_token(organisation.manager)
    refused = send(client, "post", "channels", {**HOOK, "team": "payments"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "step-up-required")
    sign_in(client, organisation.manager)
    made = send(client, "post", "channels", {**HOOK, "agent": agent.slug})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert made.headers["Cache-Control"] == "no-store"
    assert (made.json()["agent"], made.json()["team"]) == (agent.slug, None)
    pk = made.json()["id"]
    for path in ("channels", f"channels/{pk}"):
        text = client.get(f"/api/v1/{path}", headers=headers).content
        assert b"whsec_" not in text
        assert b"the-key" not in text
    kept = send(client, "put", f"channels/{pk}", {"name": "Renamed"}).json()
    assert (kept["name"], kept["secret"]) == ("Renamed", None)
    moved = send(client, "put", f"channels/{pk}", {"name": "Renamed", "address": "https://other.example.com/"}).json()
    assert moved["secret"] not in {None, made.json()["secret"]}
    tried = send(client, "post", f"channels/{pk}/test", headers=headers)
    assert (tried.status_code, tried.json()["state"], tried.json()["channel"]) == (202, "waiting", pk)
    ended = send(client, "post", f"channels/{pk}/end", headers=headers).json()
    assert (ended["dropped"], ended["ended_at"] is None) == (1, False)
    assert send(client, "post", f"channels/{pk}/end", headers=headers).status_code == 409


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"team": "platform"}, 400),
        ({"team": "nobody"}, 400),
        ({}, 403),
        ({"team": "payments", "agent": "payments-refactorer"}, 400),
        ({"agent": "nobody"}, 404),
        ({"team": "payments", "address": "https://127.1/"}, 400),
        ({"team": "payments", "secret": "mine"}, 400),
        ({"team": "payments", "kind": "pager"}, 400),
    ],
)
def test_channels_that_cannot_be(
    client: Client, organisation: Organisation, agent: Agent, more: dict[str, str], status: int
) -> None:
    sign_in(client, organisation.manager)
    assert send(client, "post", "channels", {**HOOK, **more}).status_code == status
    assert not Channel.objects.exists()


def test_deliveries_are_listed_and_sent_again(client: Client, organisation: Organisation) -> None:
    send_test(actor=organisation.member)
    mark_failed(claim(), "No.", final=True)
    headers = by_token(organisation.operator)
    (row,) = client.get("/api/v1/deliveries?state=dead&event=test", headers=headers).json()["results"]
    assert (row["about"], row["fault"], row["person"]["name"]) == ("Test", "No.", "Eli Member")
    assert client.get("/api/v1/deliveries?state=lost", headers=headers).status_code == 400
    assert client.get("/api/v1/deliveries?state=sent", headers=headers).json()["results"] == []
    again = send(client, "post", f"deliveries/{row['id']}/replay", headers=headers)
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "waiting", 0)
    assert send(client, "post", f"deliveries/{row['id']}/replay", headers=headers).status_code == 409
    assert send(client, "post", "deliveries/replay", headers=headers).status_code == 409
    Delivery.objects.update(state="dead")
    assert send(client, "post", "deliveries/replay", headers=headers).json() == {"deliveries": 1}
    assert send(client, "post", "deliveries/replay", headers=by_token(organisation.auditor)).status_code == 403
