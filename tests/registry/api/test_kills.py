"""Stops over the API: every scope, what is refused, and how far a stop has come."""

from typing import Any

import pytest
from django.test import Client

from registry.models import Agent, KillOrder
from registry.rules.runs import run_id
from registry.services.lease import Point, hold_lease
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def order(client: Client, **said: Any) -> Any:
    return client.post("/api/v1/kills", {"reason": "Stop that.", **said}, content_type="application/json")


def test_every_scope_can_be_named(organisation: Organisation, agent: Agent, token: str, client: Client) -> None:
    hold_lease(token=token, point=Point(name="runner", kind="ci", session="s"))
    run = run_id(agent.pk, "s")
    sign_in(client, organisation.security)
    targets = {
        "all": "",
        "team": "payments",
        "agent": agent.slug,
        "run": str(run),
        "action": "commit",
        "repository": "git@github.com:Acme/Payments.git",
    }
    keys = []
    for kind, target in targets.items():
        answer = order(client, kind=kind, **({"target": target} if target else {}))
        assert answer.status_code == 201, answer.content
        keys.append(answer.json()["key"])
    assert keys == [
        "all",
        f"team:{organisation.payments.pk}",
        f"agent:{agent.pk}",
        f"run:{run}",
        "action:commit",
        "repository:acme/payments",
    ]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"kind": "drill", "target": "payments-refactorer"}, 400),
        ({"kind": "run", "target": "session-1"}, 400),
        ({"kind": "run", "target": "00000000-0000-0000-0000-000000000001"}, 404),
        ({"kind": "action"}, 400),
        ({"kind": "action", "target": "fly"}, 404),
        ({"kind": "repository", "target": "payments"}, 400),
        ({"kind": "all", "target": "payments"}, 400),
        ({"kind": "action", "target": "commit", "revoke_credentials": True}, 400),
    ],
)
def test_what_cannot_be_stopped(
    organisation: Organisation, agent: Agent, client: Client, said: dict[str, Any], status: int
) -> None:
    sign_in(client, organisation.security)
    assert order(client, **said).status_code == status
    assert not KillOrder.objects.exists()


def test_one_stop_says_how_far_it_has_come(
    organisation: Organisation, agent: Agent, token: str, client: Client
) -> None:
    hold_lease(token=token, point=Point(name="runner", kind="ci"))
    sign_in(client, organisation.manager)
    number = order(client, kind="agent", target=agent.slug, revoke_credentials=False).json()["number"]
    stopping = client.get(f"/api/v1/kills/{number}").json()
    assert (stopping["progress"]["status"], stopping["worst_seconds"]) == ("stopping", 30)
    assert [one["point"] for one in stopping["progress"]["out"]] == ["runner"]
    hold_lease(token=token, point=Point(name="runner", kind="ci"))
    stopped = client.get(f"/api/v1/kills/{number}").json()["progress"]
    assert (stopped["status"], stopped["told"][0]["by_expiry"]) == ("stopped", False)


def test_points_of_other_teams_are_not_told(
    organisation: Organisation, agent: Agent, token: str, client: Client
) -> None:
    hold_lease(token=token, point=Point(name="runner", kind="ci"))
    sign_in(client, organisation.security)
    number = order(client, kind="all").json()["number"]
    outside = Client()
    sign_in(outside, organisation.outsider)
    seen = outside.get(f"/api/v1/kills/{number}").content.decode()
    assert "runner" not in seen
    assert agent.name not in seen
