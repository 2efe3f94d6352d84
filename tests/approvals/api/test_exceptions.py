"""Exceptions and oversight over the API: the same services, the same refusals."""

from typing import Any

import pytest
from django.test import Client

from approvals.models import GateException
from portal.identity.models import Person
from registry.models import Agent
from tests.approvals.asking import ask, opened, review
from tests.approvals.exceptional import WHY, exception_of, open_exception
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in


def browser(person: Person) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def wanted(agent: Agent, **more: Any) -> dict[str, Any]:
    return {"agent": agent.slug, "kind": "break_glass", "actions": ["pr.merge"], "minutes": 60, "reason": WHY, **more}


@pytest.mark.django_db(transaction=True)
class TestExceptions:
    def test_from_asking_to_closing(self, organisation: Organisation, agent: Agent) -> None:
        answer = post(browser(organisation.member), "/api/v1/exceptions", **wanted(agent))
        assert (answer.status_code, answer.json()["status"]) == (201, "asked")
        path = f"/api/v1/exceptions/EX-{answer.json()['number']}"
        approver = browser(organisation.approver)
        assert post(approver, f"{path}/grant", reason="Agreed on the call.").json()["status"] == "open"
        used = ask(credential_for(organisation, agent))
        uses = approver.get(f"{path}/uses").json()["results"]
        assert [use["entry"] for use in uses] == [str(used.entry_id)]
        refused = post(approver, f"{path}/close", note="One merge, it is fine.")
        assert (refused.status_code, "You granted this" in refused.json()["detail"]) == (403, True)
        other = browser(organisation.second_approver)
        assert post(other, f"{path}/close", note="One merge, it is fine.").json()["status"] == "closed"
        assert post(approver, f"{path}/revoke", reason="It is closed already.").status_code == 409

    @pytest.mark.parametrize(
        ("member", "value", "pointer"),
        [
            ("actions", ["pr.*"], "/actions"),
            ("actions", ["secret.read"], "/actions"),
            ("reason", "now", "/reason"),
            ("minutes", 241, "/minutes"),
            ("owner", "00000000-0000-0000-0000-000000000000", "/owner"),
        ],
    )
    def test_a_fault_is_named_with_its_place(
        self, organisation: Organisation, agent: Agent, member: str, value: Any, pointer: str
    ) -> None:
        answer = post(browser(organisation.member), "/api/v1/exceptions", **wanted(agent, **{member: value}))
        assert answer.status_code in (400, 422)
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]
        assert not GateException.objects.exists()

    def test_nothing_of_the_row_can_be_set_from_outside(self, organisation: Organisation, agent: Agent) -> None:
        forged = wanted(agent, state="granted", decided_by=str(organisation.security.pk))
        assert post(browser(organisation.member), "/api/v1/exceptions", **forged).status_code == 400
        assert not GateException.objects.exists()

    def test_r75_at_the_edge_nobody_grants_or_closes_their_own(self, organisation: Organisation, agent: Agent) -> None:
        exception = exception_of(organisation, agent, actor=organisation.approver)
        path, own = f"/api/v1/exceptions/EX-{exception.number}", browser(organisation.approver)
        assert post(own, f"{path}/grant", reason="I agree with myself.").status_code == 403
        post(browser(organisation.security), f"{path}/grant", reason="Agreed on the call.")
        assert post(own, f"{path}/close", note="All was well, I say.").status_code == 403

    def test_an_agents_token_opens_nothing(self, organisation: Organisation, agent: Agent) -> None:
        header = {"authorization": f"Bearer {credential_for(organisation, agent)}"}
        answer = Client().post("/api/v1/exceptions", wanted(agent), content_type="application/json", headers=header)
        assert answer.status_code == 401

    def test_the_register_is_of_what_one_may_see(self, organisation: Organisation, agent: Agent) -> None:
        open_exception(organisation, agent)
        listed = {
            person.name: len(browser(person).get("/api/v1/exceptions?show=debt").json()["results"])
            for person in (organisation.auditor, organisation.member, organisation.outsider)
        }
        assert list(listed.values()) == [1, 1, 0]
        assert browser(organisation.member).get("/api/v1/exceptions?show=all").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_oversight_names_nobody_in_the_file(organisation: Organisation, agent: Agent) -> None:
    review(opened(credential_for(organisation, agent)), organisation.approver)
    client = browser(organisation.security)
    text = client.get("/approvals/oversight/export.csv").content.decode()
    head, row = text.splitlines()
    assert head.startswith('"team","decisions","approved"')
    assert row.startswith('"Payments","1","1","0"')
    assert organisation.approver.name not in text
    said = client.get("/api/v1/oversight?days=7").json()
    assert [(team["team"], team["looked"]["decisions"]) for team in said["teams"]] == [("payments", 1)]
    assert client.get("/api/v1/oversight?days=8").status_code == 400
