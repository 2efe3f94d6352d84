"""A verdict that was refused: it changes nothing, and what it says about somebody is in the record, once."""

import logging
from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, transaction

from approvals.models import ApprovalRequest, Grant, RefusedVerdict, Review
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import RequestState, Verdict
from approvals.services.batch import BatchItem, BatchRefused, review_batch
from approvals.services.review import PasskeyRequired, add_review
from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound, StaleView
from portal.identity.models import Person
from portal.identity.proof import StepUpRequired
from portal.ledger.models import Entry
from tests.approvals.asking import at_once, entries, opened, review
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "verdict.refused"
Super = psycopg.Connection[tuple[object, ...]]


def told() -> list[dict[str, Any]]:
    found = Entry.objects.filter(type=f"approvals.{KIND}").order_by("recorded_at")
    return [{**entry.body["data"], "actor": entry.body["actor"]["id"]} for entry in found]


def untouched(request: ApprovalRequest) -> bool:
    state = ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)
    return (state, Review.objects.count(), Grant.objects.count()) == (RequestState.PENDING, 0, 0)


def test_somebody_without_a_right_leaves_one_entry(organisation: Organisation, token: str) -> None:
    """It outlives the transaction of the verdict, which is rolled back, and a second try adds nothing."""
    asked = opened(token)
    for verdict in (Verdict.APPROVE, Verdict.APPROVE, Verdict.DENY):
        with pytest.raises(NotAllowed) as refused:
            review(asked, organisation.auditor, verdict)
        assert refused.value.extra["reason"] == "not-approver"
    assert told() == [
        {
            "request": asked.number,
            "digest": bytes(asked.digest).hex(),
            "verdict": "approve",
            "rule": "not-approver",
            "actor": str(organisation.auditor.pk),
        }
    ]
    assert untouched(asked)


def test_whoever_started_the_work_leaves_one(organisation: Organisation, token: str) -> None:
    """R01: one's own action. The rule that is named is the one that refused."""
    asked = opened(token, initiator="approver@example.test")
    with pytest.raises(NotAllowed):
        review(asked, organisation.approver)
    assert [(one["rule"], one["actor"]) for one in told()] == [("initiator", str(organisation.approver.pk))]
    assert untouched(asked)


@pytest.mark.parametrize(
    ("step_up", "error", "rule"),
    [(StepUp.FRESH, StepUpRequired, "fresh-proof"), (StepUp.PASSKEY, PasskeyRequired, "passkey")],
)
def test_a_missing_proof_leaves_one(  # noqa: PLR0917 (fixtures and the row of the table)
    organisation: Organisation, token: str, super_connection: Super, step_up: StepUp, error: type[Exception], rule: str
) -> None:
    asked = opened(token)
    super_connection.execute("UPDATE approvals_approvalrequest SET step_up = %s", [step_up.value])
    with pytest.raises(error):
        add_review(
            actor=organisation.approver,
            request=asked,
            verdict=Verdict.APPROVE,
            reason="I have read it.",
            view_hash=bytes(asked.view_hash),
        )
    assert [one["rule"] for one in told()] == [rule]
    assert untouched(asked)


def test_what_says_nothing_about_the_person_leaves_none(organisation: Organisation, token: str) -> None:
    """A typo, a stale page, a second click, one who comes too late."""
    asked = opened(token)
    values: list[tuple[type[Exception], dict[str, Any]]] = [
        (InvalidInput, {"reason": " "}),
        (StaleView, {"view_hash": b"\0" * 32}),
        (InvalidInput, {"verdict": Verdict.RETRACT}),
    ]
    for error, change in values:
        with pytest.raises(error):
            add_review(
                **{
                    "actor": organisation.approver,
                    "request": asked,
                    "verdict": Verdict.APPROVE,
                    "reason": "I have read it.",
                    "view_hash": bytes(asked.view_hash),
                    **change,
                }
            )
    review(asked, organisation.approver)
    for person in (organisation.approver, organisation.auditor):
        with pytest.raises(Conflict):
            review(asked, person)
    assert (entries(KIND), RefusedVerdict.objects.count()) == (0, 0)


def test_a_second_verdict_of_one_person_leaves_none(organisation: Organisation, pair_token: str) -> None:
    asked = review(opened(pair_token), organisation.approver)
    with pytest.raises(Conflict):
        review(asked, organisation.approver)
    assert entries(KIND) == 0


def test_many_tries_at_once_leave_one(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    outcomes = at_once([lambda: review(asked, organisation.auditor) for _ in range(6)])
    assert {type(one) for one in outcomes} == {NotAllowed}
    assert (entries(KIND), RefusedVerdict.objects.count()) == (1, 1)


def batch(person: Person, *requests: ApprovalRequest, verdict: Verdict = Verdict.APPROVE) -> None:
    review_batch(
        actor=person,
        items=[BatchItem(one.number, bytes(one.view_hash)) for one in requests],
        verdict=verdict,
        reason="All are alike.",
    )


def test_a_batch_leaves_one_for_each_that_it_may_not_decide(organisation: Organisation, token: str) -> None:
    """Of the one that they may decide there is nothing to say, though it was not decided either."""
    own = [opened(token, initiator="approver@example.test", session_id=f"own-{number}") for number in range(2)]
    other = opened(token, initiator="member@example.test", session_id="other")
    for _ in range(2):
        with pytest.raises(BatchRefused) as refused:
            batch(organisation.approver, *own, other)
        assert [item["number"] for item in refused.value.extra["items"]] == [one.label for one in own]
    assert [(one["request"], one["rule"]) for one in told()] == [(one.number, "initiator") for one in own]
    assert untouched(other)


def test_a_batch_with_one_out_of_sight_leaves_none(organisation: Organisation, token: str) -> None:
    """R69: of a request that they may not see, nothing is done that would not be done of one that does not exist."""
    asked = opened(token)
    with pytest.raises(NotFound):
        batch(organisation.outsider, asked)
    assert entries(KIND) == 0


def test_the_answer_stays_when_the_entry_cannot_be_written(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The refusal stands; neither row nor entry is there, so the next try leaves them."""
    asked = opened(token)

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr("approvals.services.refused.append", full)
        with pytest.raises(NotAllowed, match="not an approver"):
            review(asked, organisation.auditor)
    assert f"A refused verdict on {asked.label} could not be recorded" in caplog.text
    assert (RefusedVerdict.objects.count(), entries(KIND)) == (0, 0)
    with pytest.raises(NotAllowed):
        review(asked, organisation.auditor)
    assert (RefusedVerdict.objects.count(), entries(KIND)) == (1, 1)


def test_nobody_takes_it_away_again(organisation: Organisation, token: str) -> None:
    with pytest.raises(NotAllowed):
        review(opened(token), organisation.auditor)
    with pytest.raises(ProgrammingError), transaction.atomic():
        RefusedVerdict.objects.all().delete()
    assert RefusedVerdict.objects.count() == 1
