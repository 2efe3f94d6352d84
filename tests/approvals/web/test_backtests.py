"""The part of a proposal's page that tells of its backtest, and the same over the API."""

import pytest
from django.test import Client

from approvals.jobs.backtest import run_backtest
from approvals.services.backtest import beat, claim, queue_backtest
from approvals.web import backtests
from registry.models import Agent, PolicyProposal
from tests.approvals.asking import ask
from tests.approvals.proposing import proposed
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def proposal(organisation: Organisation, agent: Agent) -> PolicyProposal:
    """One repository more, after one check that it would newly allow."""
    ask(credential_for(organisation, agent), 'pytest -q -k "<b>"', repository="acme/billing")
    return proposed(organisation, agent)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What would have been sent to a worker."""
    found: list[object] = []
    monkeypatch.setattr(backtests, "send", found.append)
    monkeypatch.setattr(backtests, "send_count", found.append)
    monkeypatch.setattr("approvals.api.backtests.send", found.append)
    return found


def _part(client: Client, proposal: PolicyProposal, query: str = "", *, htmx: bool = True) -> str:
    headers = {"HX-Request": "true"} if htmx else {}
    response = client.get(f"/approvals/backtests/{proposal.number}/{query}", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_it_goes_from_nothing_over_a_real_count_to_the_result(
    client: Client, organisation: Organisation, proposal: PolicyProposal
) -> None:
    sign_in(client, organisation.second_manager)
    assert "have not been asked again yet" in _part(client, proposal)
    queue_backtest(proposal_id=proposal.pk)
    waiting = _part(client, proposal)
    assert "Queued" in waiting
    assert "every 1s" in waiting
    job = claim(proposal_id=proposal.pk)
    assert job is not None
    assert beat(proposal_id=proposal.pk, attempt=job.attempt, done=1200, total=5000)
    running = _part(client, proposal)
    assert 'value="1200" max="5000"' in running
    assert "Run it" not in running
    type(job).objects.update(state="queued")
    run_backtest(proposal.pk)
    result = _part(client, proposal)
    assert "every 1s" not in result
    assert "1 recorded check was asked again" in result
    assert "Newly allowed" in result
    assert "&lt;b&gt;" in result, "what an agent wrote is text"
    assert "/runs/" in result
    assert "Run it again" in result


def test_without_scripts_it_is_a_page_and_with_them_the_whole_page_is_drawn_again_at_the_end(
    client: Client, organisation: Organisation, proposal: PolicyProposal
) -> None:
    sign_in(client, organisation.manager)
    queue_backtest(proposal_id=proposal.pk)
    page = _part(client, proposal, htmx=False)
    assert "<!doctype html>" in page
    assert "Look again" in page
    run_backtest(proposal.pk)
    response = client.get(f"/approvals/backtests/{proposal.number}/?polled=1", headers={"HX-Request": "true"})
    assert response.headers["HX-Refresh"] == "true"


def test_it_is_run_again_by_those_who_may(
    client: Client, organisation: Organisation, proposal: PolicyProposal, sent: list[object]
) -> None:
    address = f"/approvals/backtests/{proposal.number}/run/"
    client.force_login(organisation.member)
    assert "Run it" not in _part(client, proposal)
    assert client.post(address).status_code == 403
    client.force_login(organisation.outsider)
    assert client.post(address).status_code == 404
    client.force_login(organisation.security)
    assert client.post(address).status_code == 302
    assert sent == [proposal.pk]


def test_over_the_api(client: Client, organisation: Organisation, proposal: PolicyProposal, sent: list[object]) -> None:
    client.force_login(organisation.manager)
    address = f"/api/v1/proposals/{proposal.number}/backtest"
    assert client.get(address).json()["status"] == "none"
    assert client.post(address, content_type="application/json").status_code == 201
    assert sent == [proposal.pk]
    run_backtest(proposal.pk)
    found = client.get(address).json()
    assert (found["status"], found["fault"], found["done"], found["total"]) == ("done", None, 1, 1)
    assert found["result"]["counts"] == {"allowed": 1, "gated": 0, "refused": 0, "same": 0}
    assert "pytest" not in str(found), "nothing that an agent wrote is in it"


def test_use_is_counted_on_request_of_managers_and_security(
    client: Client, organisation: Organisation, agent: Agent, sent: list[object]
) -> None:
    address = f"/approvals/use/{agent.slug}/"
    for person, status in ((organisation.member, 403), (organisation.outsider, 404)):
        client.force_login(person)
        assert client.post(address).status_code == status
    for person in (organisation.manager, organisation.security):
        client.force_login(person)
        assert client.post(address).headers["Location"] == f"/agents/{agent.slug}/use/"
    assert sent == [agent.pk, agent.pk]
