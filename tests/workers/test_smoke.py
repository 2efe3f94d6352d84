"""The background work as it really runs: a worker, a beat and a broker in processes of their own."""

import subprocess
from typing import Any

import pytest

from approvals.models import ApprovalRequest, Delivery
from approvals.rules.notices import DeliveryState
from approvals.rules.workflow import RequestState
from portal.ledger.models import Checkpoint, Cursor, Leaf
from portal.ledger.selectors.audit import audit_log
from registry.models import Agent
from tests.approvals.asking import MERGE, opened
from tests.ledger.sample import ask, log, put_many
from tests.organisation import Organisation, credential_for
from tests.workers.conftest import Workers

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_sealer_runs_and_signs(workers: Workers) -> None:
    put_many(25)
    workers.worker()
    workers.beat()
    workers.until("all entries sealed", lambda: Leaf.objects.count() == 25)
    put_many(5)
    workers.until("the next entries sealed", lambda: Leaf.objects.count() == 30)
    assert Checkpoint.objects.latest("id").size == 30
    assert len(log()) == 30
    assert audit_log().faults == []
    workers.until("followers at the end", lambda: not _behind())


def _behind() -> list[Any]:
    followers = {name: at for name, at in Cursor.objects.values_list("name", "next_index") if ":" not in name}
    return [name for name in ("runs", "notices") if followers.get(name, 0) < Leaf.objects.count()]


def _all_sent() -> bool:
    """Everything that the log calls for was written down, and sent: a message is whole only then."""
    return not _behind() and set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT.value}


def test_a_request_sends_a_link_to_those_who_may_decide_and_nothing_of_its_content(
    workers: Workers, organisation: Organisation, agent: Agent
) -> None:
    request = opened(credential_for(organisation, agent), MERGE, initiator=organisation.approver.email)
    workers.worker()
    workers.beat()
    workers.until("every notice was sent", _all_sent)
    messages = workers.messages()
    # The approver asked for the action, so may not decide it; the other one may, and so may security.
    eligible = [organisation.second_approver.email, organisation.security.email]
    assert sorted(message["To"] for message in messages) == eligible
    for message in messages:
        texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
        assert len(texts) == 2
        assert all(f"https://bailiwick.example/approvals/{request.label}/" in text for text in texts)
        for secret in ("squash", "gh pr", "merge 7", "acme/payments", "feature/tidy"):
            assert all(secret not in text for text in (message.as_string(), *texts))
        assert all(organisation.approver.email not in text for text in texts)
    assert ApprovalRequest.objects.get(pk=request.pk).state == RequestState.PENDING.value


def test_a_worker_that_was_killed_is_replaced_without_loss(workers: Workers) -> None:
    first = workers.worker()
    workers.beat()
    for round_number in range(3):
        put_many(40, start=40 * round_number)
        workers.until("some were sealed", Leaf.objects.exists)
        first.kill()
        first.wait(20)
        first = workers.worker()
    workers.until("all entries sealed", lambda: Leaf.objects.count() == 120)
    assert len(set(log())) == 120
    assert audit_log().faults == []


def test_two_workers_do_not_seal_or_send_twice(workers: Workers, organisation: Organisation, agent: Agent) -> None:
    opened(credential_for(organisation, agent))
    workers.worker()
    workers.worker()
    workers.beat()
    workers.until("every notice was sent", _all_sent)
    recipients = [message["To"] for message in workers.messages()]
    assert sorted(recipients) == sorted(set(recipients))
    assert audit_log().faults == []


def test_a_worker_ends_when_it_is_asked_to(workers: Workers) -> None:
    child = workers.worker()
    workers.until("the worker is ready", lambda: "ready." in workers.logs())
    child.terminate()
    try:
        assert child.wait(120) == 0
    except subprocess.TimeoutExpired:
        pytest.fail(workers.logs())
    assert ask("SELECT 1") == [(1,)]
