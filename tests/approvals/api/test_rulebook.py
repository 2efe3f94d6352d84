"""The rulebook over the API: read by all, proposed by security, agreed to by another with a fresh proof."""

from typing import Any

import pytest
from django.test import Client

from approvals.models import RulebookProposal
from approvals.rules.rulebook import BUILT_IN
from approvals.selectors.rulebook import book_in_force
from portal.identity.models import Person
from tests.approvals.asking import opened
from tests.approvals.rulebooks import in_force, proposed, rule, second_security
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/rulebook"
SECURED = {"rules": [rule("merge", (["security"], 1))]}


def client_of(person: Person) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def post(client: Client, address: str, body: dict[str, Any], key: str = "k") -> Any:
    return client.post(f"{ROOT}{address}", body, "application/json", headers={"Idempotency-Key": key})


def test_everybody_reads_it(organisation: Organisation) -> None:
    client = client_of(organisation.member)
    assert client.get(ROOT).json()["document"] == BUILT_IN.to_document()
    assert client.get(ROOT).json()["number"] == 0
    made = in_force(organisation, SECURED)
    now = client.get(ROOT).json()
    assert (now["number"], now["digest"]) == (made.number, made.digest)
    assert client.get(f"{ROOT}/revisions").json()["results"][0]["agreed_by"]["name"] == "Gia Security"
    assert client.get(f"{ROOT}/revisions/{made.number}").json()["document"] == now["document"]
    assert client.get(f"{ROOT}/revisions/{made.number + 1}").status_code == 404


def test_it_is_proposed_and_agreed_to(organisation: Organisation) -> None:
    body = {"document": SECURED, "based_on": 0, "reason": "Security looks at all of it."}
    first = client_of(organisation.security)
    answer = post(first, "/proposals", body)
    assert answer.status_code == 201
    assert answer.json()["changes"][0]["direction"] == "stricter"
    again = post(first, "/proposals", body)
    assert again.json()["number"] == answer.json()["number"], "the same key is the same call"
    assert RulebookProposal.objects.count() == 1
    number = answer.json()["number"]
    said = {"reason": "It does."}
    assert post(first, f"/proposals/{number}/agree", said, key="own").status_code == 403
    agreed = post(client_of(second_security(organisation)), f"/proposals/{number}/agree", said)
    assert agreed.status_code == 200
    assert agreed.json()["state"] == "agreed"
    assert [one.id for one in book_in_force().book.rules] == ["merge"]
    stale = post(first, "/proposals", body, key="another")
    assert stale.status_code == 409
    assert stale.json()["difference"][0]["now"] == str(book_in_force().number)


def test_it_is_refused_and_withdrawn(organisation: Organisation) -> None:
    number = proposed(organisation, SECURED).number
    other = client_of(second_security(organisation))
    assert post(other, f"/proposals/{number}/withdraw", {}).status_code == 403
    assert post(other, f"/proposals/{number}/refuse", {"reason": "No."}, key="r").json()["state"] == "refused"
    assert post(other, f"/proposals/{number}/agree", {"reason": "Yes."}, key="a").status_code == 409
    mine = proposed(organisation, SECURED).number
    assert other.get(f"{ROOT}/proposals?open=true").json()["results"][0]["number"] == mine
    withdrawn = post(client_of(organisation.security), f"/proposals/{mine}/withdraw", {}, key="w")
    assert withdrawn.json()["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"document": {"on_timeout": "approve"}, "based_on": 0, "reason": "x"}, 400),
        ({"document": [], "based_on": 0, "reason": "x"}, 400),
        ({"document": {}, "based_on": -1, "reason": "x"}, 400),
        ({"document": {}, "based_on": 0}, 400),
        ({"document": {}, "based_on": 0, "reason": "x", "agreed_by": "me"}, 400),
        ({"document": {}, "based_on": 7, "reason": "x"}, 409),
    ],
)
def test_what_is_no_proposal_is_refused(organisation: Organisation, body: dict[str, Any], status: int) -> None:
    answer = post(client_of(organisation.security), "/proposals", body)
    assert answer.status_code == status, answer.content
    assert not RulebookProposal.objects.exists()


def test_the_recorded_risk_and_what_would_have_been(organisation: Organisation, token: str) -> None:
    request = opened(token)
    client = client_of(organisation.security)
    plain = client.get(f"{ROOT}/risk").json()
    assert (plain["requests"], plain["trial"]) == (1, None)
    assert sum(column["count"] for column in plain["distribution"]) == 1
    tried = client.get(f"{ROOT}/risk?elevated=5&high={request.risk}").json()["trial"]
    assert tried == {"riskier": 1, "less_risky": 0, "stages": 0, "proofs": 1}
    assert client.get(f"{ROOT}/risk?hard=100&team=platform").json()["requests"] == 0
    assert client.get(f"{ROOT}/risk?elevated=90").status_code == 400
    assert client.get(f"{ROOT}/risk?days=x").status_code == 400
    assert client_of(organisation.outsider).get(f"{ROOT}/risk").json()["requests"] == 0
