"""Use and recertification over the API: the same services, and their refusals as problems."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Campaign
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db


def _post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def _start(client: Client, days: int = 14) -> Any:
    due_on = (database_now().date() + timedelta(days=days)).isoformat()
    return _post(client, "recertifications", {"team": "payments", "due_on": due_on})


def test_a_campaign_over_the_api(client: Client, organisation: Organisation, agent: Agent) -> None:
    client.force_login(organisation.manager)
    started = _start(client)
    assert started.status_code == 201
    number = started.json()["number"]
    items = started.json()["items"]
    assert {item["standing"] for item in items} == {"open"}
    assert {item["used"] for item in items} == {None}
    path = f"recertifications/{number}/decisions"
    removed = _post(client, path, {"verdict": "remove", "items": [items[0]["id"]]})
    assert removed.status_code == 201
    assert removed.json()["settled"] == 1
    two = _post(client, path, {"verdict": "remove", "items": [item["id"] for item in items[1:3]]})
    assert (two.status_code, two.json()["errors"][0]["pointer"]) == (400, "/items")
    kept = _post(
        client, path, {"verdict": "keep", "items": [item["id"] for item in items[1:]], "reason": "All needed."}
    )
    assert kept.json()["state"] == "done"
    again = _post(client, path, {"verdict": "keep", "items": [items[1]["id"]], "reason": "Again."})
    assert again.status_code == 409
    listed = client.get("/api/v1/recertifications").json()["results"]
    assert [(one["number"], one["settled"], one["entries"]) for one in listed] == [(number, len(items), len(items))]


def test_it_refuses_like_the_pages(client: Client, organisation: Organisation, agent: Agent) -> None:
    client.force_login(organisation.member)
    assert _start(client).status_code == 403
    client.force_login(organisation.outsider)
    assert _start(client).status_code == 400, "a team out of sight is no team"
    client.force_login(organisation.manager)
    assert _start(client, days=0).status_code == 400
    number = _start(client).json()["number"]
    assert _post(client, f"recertifications/{number}/cancel", {"reason": "Mine."}).status_code == 403
    client.force_login(organisation.security)
    assert _post(client, f"recertifications/{number}/cancel", {"reason": "Not this one."}).status_code == 201
    assert Campaign.objects.get().state == "cancelled"


def test_use_over_the_api_says_null_for_what_was_not_counted(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    client.force_login(organisation.auditor)
    found = client.get(f"/api/v1/agents/{agent.slug}/use").json()
    assert found["counted_at"] is None
    assert {row["count"] for row in [*found["entries"], *found["actions"]]} == {None}
    assert {"pointer": "/scope/repositories", "entry": "acme/payments"}.items() <= found["entries"][0].items()
