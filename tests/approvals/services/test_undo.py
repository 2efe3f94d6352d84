"""Taking an approval back: until the grant is used, and not a moment later."""

import psycopg
import pytest

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.services.request import withdraw
from approvals.services.undo import undo
from portal.errors import InvalidTransition, NotAllowed
from portal.identity.services.people import deactivate_person
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from tests.approvals.asking import ask, entries, opened, review
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]


def state(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def test_while_it_waits_the_verdict_no_longer_counts_and_may_be_given_again(
    organisation: Organisation, pair_token: str
) -> None:
    request = opened(pair_token)
    review(request, organisation.approver)
    undo(actor=organisation.approver, request=request)
    assert review(request, organisation.second_approver).state == RequestState.PENDING
    assert review(request, organisation.approver).state == RequestState.APPROVED
    turns = Review.objects.filter(person=organisation.approver).order_by("turn").values_list("turn", "verdict")
    assert list(turns) == [(1, "approve"), (2, "retract"), (3, "approve")]


def test_an_unused_approval_that_is_taken_back_ends_grant_and_request(organisation: Organisation, token: str) -> None:
    """The agent that makes the call gets nothing, and asks anew."""
    request = review(opened(token), organisation.approver)
    assert undo(actor=organisation.approver, request=request).state == RequestState.VOIDED
    assert Grant.objects.get().state == GrantState.VOIDED
    answer = ask(token)
    assert not answer.granted
    assert answer.request is not None
    assert answer.request.number > request.number


def test_the_record_tells_it_entry_by_entry(organisation: Organisation, token: str) -> None:
    """I7: the retracting turn, the grant's end and the request's end, each once, by the person."""
    request = review(opened(token), organisation.approver)
    undo(actor=organisation.approver, request=request)
    kinds = ("review.given", "request.resolved", "grant.issued", "grant.voided")
    assert [entries(kind) for kind in kinds] == [2, 2, 1, 1]
    last = Entry.objects.filter(type="approvals.review.given").order_by("recorded_at").last()
    assert last is not None
    assert (last.body["data"]["verdict"], last.body["data"]["turn"], last.body["tv"]) == ("retract", 2, 2)
    voided = Entry.objects.get(type="approvals.grant.voided")
    assert voided.body["actor"]["id"] == str(organisation.approver.pk)


def test_after_the_grant_was_used_it_is_too_late(organisation: Organisation, token: str) -> None:
    request = review(opened(token), organisation.approver)
    assert ask(token).granted
    with pytest.raises(InvalidTransition, match="made the call already"):
        undo(actor=organisation.approver, request=request)
    assert (state(request), Grant.objects.get().state) == (RequestState.APPROVED, GrantState.REDEEMED)
    assert Review.objects.count() == 1


def test_after_the_grant_ended_unused_nothing_is_left(
    organisation: Organisation, token: str, super_connection: Super
) -> None:
    request = review(opened(token), organisation.approver)
    super_connection.execute("UPDATE approvals_grant SET expires_at = clock_timestamp()")
    with pytest.raises(InvalidTransition, match="unused"):
        undo(actor=organisation.approver, request=request)


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.CHANGES])
def test_no_is_not_taken_back(organisation: Organisation, token: str, verdict: Verdict) -> None:
    """I6: a denial is final, since the agent may have been told."""
    request = review(opened(token), organisation.approver, verdict)
    ended = state(request)
    with pytest.raises(InvalidTransition):
        undo(actor=organisation.approver, request=request)
    assert (state(request), Review.objects.count()) == (ended, 1)


def test_nobody_takes_back_what_another_said(organisation: Organisation, token: str) -> None:
    request = review(opened(token), organisation.approver)
    for who in ("second_approver", "security", "manager", "operator"):
        with pytest.raises(NotAllowed):
            undo(actor=organisation.people[who], request=request)
    assert state(request) == RequestState.APPROVED


def test_twice_is_once(organisation: Organisation, pair_token: str) -> None:
    request = opened(pair_token)
    review(request, organisation.approver)
    undo(actor=organisation.approver, request=request)
    with pytest.raises(InvalidTransition, match="already"):
        undo(actor=organisation.approver, request=request)
    assert Review.objects.count() == 2


def test_of_a_request_that_ended_otherwise_nothing_is_taken_back(organisation: Organisation, pair_token: str) -> None:
    request = opened(pair_token)
    review(request, organisation.approver)
    withdraw(actor=organisation.second_manager, request=request)
    with pytest.raises(InvalidTransition, match="withdrawn"):
        undo(actor=organisation.approver, request=request)


def test_a_closed_account_takes_nothing_back(organisation: Organisation, pair_token: str) -> None:
    request = opened(pair_token)
    review(request, organisation.approver)
    deactivate_person(actor=SYSTEM, person=organisation.approver)
    organisation.approver.refresh_from_db()
    with pytest.raises(NotAllowed):
        undo(actor=organisation.approver, request=request)
