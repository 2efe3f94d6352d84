"""Deciding too late, twice, out of order, or on something else than what was shown: nothing of it takes effect."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.utils import timezone

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.services.batch import BatchItem, BatchRefused, review_batch
from approvals.services.undo import undo
from portal.errors import InvalidTransition, StaleView
from portal.identity.models import Person
from portal.identity.services.tokens import issue_token
from tests.approvals.asking import ask, entries, opened, review, withdrawn
from tests.approvals.conftest import pair_agent, pair_token, token
from tests.organisation import Organisation
from tests.red_team.prepared import ahead, approved, by_session
from tests.red_team.racing import Race
from tests.red_team.test_races import sessions
from tests.red_team.trials import raced
from tests.sign_in import sign_in

__all__ = ["pair_agent", "pair_token", "sessions", "token"]
pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]


def state(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def browser(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    sign_in(client, person)
    return client


def program(person: Person) -> Client:
    _, text = issue_token(person=person, name="tests", days=7)
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)


def verdict(asked: ApprovalRequest, **change: Any) -> dict[str, Any]:
    return {"verdict": "approve", "reason": "I read all of it.", "view_hash": bytes(asked.view_hash).hex(), **change}


def send(client: Client, asked: ApprovalRequest, body: dict[str, Any], **headers: str) -> Any:
    return client.post(
        f"/api/v1/requests/{asked.label}/reviews", body, content_type="application/json", headers=headers
    )


@pytest.fixture(params=[-300, 0, 300], ids=["slow", "right", "fast"])
def skew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Set the clock of the web process five minutes wrong, from the call on."""
    seconds: int = request.param
    right_time, right_now = time.time, timezone.now

    def wrong() -> None:
        monkeypatch.setattr(time, "time", lambda: right_time() + seconds)
        monkeypatch.setattr(timezone, "now", lambda: right_now() + timedelta(seconds=seconds))

    return wrong


def test_r43_an_approval_one_millisecond_late(
    organisation: Organisation, token: str, super_connection: Super, skew: Callable[[], None]
) -> None:
    """R43: by the database's clock it is over; the service, the page and the API say so, whatever theirs says."""
    asked = opened(token)
    client, caller = browser(organisation.approver), program(organisation.second_approver)
    skew()
    super_connection.execute(
        "UPDATE approvals_approvalrequest SET expires_at = clock_timestamp() - interval '1 millisecond'"
    )
    with pytest.raises(StaleView, match="in time"):
        review(asked, organisation.security)
    assert client.post(f"/approvals/{asked.label}/review/", verdict(asked)).status_code == 409
    assert send(caller, asked, verdict(asked)).status_code == 409
    assert (state(asked), Review.objects.count(), Grant.objects.count()) == (RequestState.PENDING, 0, 0)


def test_r43_in_time_is_in_time_however_wrong_the_clock_of_the_web_process(
    organisation: Organisation, token: str, super_connection: Super, skew: Callable[[], None]
) -> None:
    """R43: with two minutes left by the database's clock, five minutes of skew neither add nor take any."""
    asked = opened(token)
    client = browser(organisation.approver)
    skew()
    super_connection.execute(
        "UPDATE approvals_approvalrequest SET expires_at = clock_timestamp() + interval '2 minutes'"
    )
    assert client.post(f"/approvals/{asked.label}/review/", verdict(asked)).status_code == 302
    grant = Grant.objects.get()
    lives = super_connection.execute(
        "SELECT expires_at - clock_timestamp() BETWEEN '9 minutes' AND '10 minutes' FROM approvals_grant"
    ).fetchone()
    assert (state(asked), grant.state, lives) == (RequestState.APPROVED, GrantState.ISSUED, (True,))


def test_r47_the_same_request_sent_again_is_one_vote(organisation: Organisation, pair_token: str) -> None:
    """R47: a retry under its key gets the same answer; without a key it is told that the vote is there."""
    asked = opened(pair_token)
    client = program(organisation.approver)
    answers = [send(client, asked, verdict(asked), **{"Idempotency-Key": "retry"}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert send(client, asked, verdict(asked)).status_code == 409
    assert (Review.objects.count(), entries("review.given")) == (1, 1)


def test_r47_the_same_key_with_another_body_does_nothing(organisation: Organisation, pair_token: str) -> None:
    """R47: refused with 409 as another request under a key that is taken; what was recorded first stands."""
    asked = opened(pair_token)
    client = program(organisation.approver)
    assert send(client, asked, verdict(asked), **{"Idempotency-Key": "retry"}).status_code == 201
    for change in ({"verdict": "deny"}, {"reason": "Another reason."}, {"view_hash": "0" * 64}):
        answer = send(client, asked, verdict(asked, **change), **{"Idempotency-Key": "retry"})
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")
    assert (state(asked), Review.objects.count()) == (RequestState.PENDING, 1)


@raced()
def test_r47_the_same_key_at_once_is_one_vote(
    organisation: Organisation, pair_token: str, rested: Callable[[], None], race: Race
) -> None:
    """R47: of several at once one is carried out; the others get its answer, or are told that it is under way."""
    clients = [program(organisation.approver) for _ in range(3)]
    for trial in race:
        rested()
        asked = opened(pair_token, session_id=f"retry-{trial}")
        key = {"Idempotency-Key": f"retry-{trial}"}
        results = race.at_once([partial(send, one, asked, verdict(asked), **key) for one in clients])
        codes = [result.status_code for result in results if not isinstance(result, Exception)]
        assert len(codes) == 3
        assert 201 in codes
        assert set(codes) <= {201, 409}
        assert Review.objects.filter(request=asked).count() == 1
        race.saw(f"{codes.count(201)} of 3 answered")
        withdrawn(asked)


@pytest.mark.parametrize("first", [Verdict.DENY, Verdict.CHANGES])
def test_r48_no_first_then_yes(organisation: Organisation, pair_token: str, first: Verdict) -> None:
    """R48, I6: what arrives after a denial changes nothing, by whomever and over whichever edge it comes."""
    asked = opened(pair_token)
    review(asked, organisation.approver)
    ended = review(asked, organisation.second_approver, first).state
    with pytest.raises(InvalidTransition):
        review(asked, organisation.security)
    assert send(program(organisation.security), asked, verdict(asked)).status_code == 409
    assert browser(organisation.security).post(f"/approvals/{asked.label}/review/", verdict(asked)).status_code == 409
    with pytest.raises(InvalidTransition):
        undo(actor=organisation.second_approver, request=asked)
    assert (state(asked), Grant.objects.count(), Review.objects.count()) == (ended, 0, 2)


def test_r50_a_batch_with_one_changed_item(organisation: Organisation, token: str) -> None:
    """R50: by service, page and API: nothing is recorded for any, and the one that changed is named."""
    requests = [opened(token, session_id=f"s-{number}") for number in range(5)]
    changed = requests[3]
    items = [BatchItem(one.number, bytes(one.view_hash)) for one in requests]
    items[3] = BatchItem(changed.number, bytes(requests[0].view_hash))
    with pytest.raises(BatchRefused) as refused:
        review_batch(actor=organisation.approver, items=items, verdict=Verdict.APPROVE, reason="All alike.")
    assert [one["number"] for one in refused.value.extra["items"]] == [changed.label]
    fields = [f"{item.number}:{item.view_hash.hex()}" for item in items]
    page = browser(organisation.approver).post(
        "/approvals/batch/", {"item": fields, "reason": "All alike.", "verdict": "approve"}
    )
    assert page.status_code == 409
    assert f'<a href="#request-{changed.number}">{changed.label}</a>' in page.content.decode()
    body = {
        "items": [{"number": f"AR-{item.number}", "view_hash": item.view_hash.hex()} for item in items],
        "verdict": "approve",
        "reason": "All alike.",
    }
    answer = program(organisation.approver).post("/api/v1/requests/batch", body, content_type="application/json")
    assert (answer.status_code, [one["number"] for one in answer.json()["items"]]) == (409, [changed.label])
    assert (Review.objects.count(), Grant.objects.count(), entries("review.given")) == (0, 0, 0)


@raced(20)
def test_r50_a_batch_and_a_denial_at_once(
    organisation: Organisation, token: str, sessions: Callable[[], str], race: Race
) -> None:
    """R50: if a request of it is denied meanwhile, all of the batch is decided or none, never some."""
    for _ in race:
        session = sessions()
        requests = [opened(token, f"gh pr merge {number} --squash", session_id=session) for number in (1, 2)]
        items = [BatchItem(one.number, bytes(one.view_hash)) for one in requests]
        whole = partial(review_batch, actor=organisation.approver, items=items, verdict=Verdict.APPROVE)
        acts: list[Callable[[], Any]] = [
            partial(whole, reason="All alike."),
            partial(review, requests[1], organisation.second_approver, Verdict.DENY),
        ]
        results = race.at_once(acts)
        ended = [state(one) for one in requests]
        race.saw(ended[1])
        if isinstance(results[0], BatchRefused):
            assert ended == [RequestState.PENDING, RequestState.DENIED]
        else:
            assert ended == [RequestState.APPROVED] * 2
            assert isinstance(results[1], InvalidTransition)


@raced()
def test_r41_taking_back_and_redeeming_at_once(
    organisation: Organisation, token: str, rest: Callable[[], None], race: Race
) -> None:
    """R11, R41, I2: the grant is used or it is taken back; exactly one of the two, whoever comes first."""
    for around, asked in ahead(race, rest, token, partial(approved, person=organisation.approver), by_session):
        acts: list[Callable[[], Any]] = [
            partial(ask, token, **around),
            partial(undo, actor=organisation.approver, request=asked),
        ]
        results = race.at_once(acts)
        answer, undone = results
        assert not isinstance(answer, Exception)
        used = answer.granted
        race.saw("used" if used else "taken back")
        taken_back = not isinstance(undone, Exception)
        assert used != taken_back, results
        grant = Grant.objects.get(request=asked)
        if used:
            assert isinstance(undone, InvalidTransition)
            assert (grant.state, state(asked)) == (GrantState.REDEEMED, RequestState.APPROVED)
            assert Review.objects.filter(request=asked).count() == 1
        else:
            assert (grant.state, state(asked)) == (GrantState.VOIDED, RequestState.VOIDED)
        assert not ask(token, **around).granted
