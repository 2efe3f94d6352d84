"""Deciding several at once: each bound to what was shown of it, all of them or none."""

from dataclasses import replace

import pytest

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.workflow import RequestState, Verdict
from approvals.services.batch import MOST_AT_ONCE, BatchItem, BatchRefused, review_batch
from approvals.services.request import withdraw
from approvals.services.review import Shown
from portal.errors import InvalidInput, NotFound
from portal.identity.models import Person
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import at_once, opened, review
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = pytest.mark.django_db(transaction=True)


def three(token: str) -> list[ApprovalRequest]:
    return [opened(token, session_id=f"session-{number}") for number in range(3)]


def items_of(requests: list[ApprovalRequest]) -> list[BatchItem]:
    return [BatchItem(request.number, bytes(request.view_hash)) for request in requests]


def decide_all(
    person: Person, items: list[BatchItem], verdict: Verdict = Verdict.APPROVE, reason: str = "All three are alike."
) -> list[ApprovalRequest]:
    return review_batch(actor=person, items=items, verdict=verdict, reason=reason, fresh=True)


def states() -> list[str]:
    return list(ApprovalRequest.objects.order_by("number").values_list("state", flat=True))


@pytest.mark.parametrize(
    ("verdict", "ends"),
    [
        (Verdict.APPROVE, RequestState.APPROVED),
        (Verdict.DENY, RequestState.DENIED),
        (Verdict.CHANGES, RequestState.RETURNED),
    ],
)
def test_one_verdict_for_all(organisation: Organisation, token: str, verdict: Verdict, ends: RequestState) -> None:
    decided = decide_all(organisation.approver, items_of(three(token)), verdict)
    assert states() == [ends] * 3
    assert [one.number for one in decided] == [1, 2, 3]
    assert Review.objects.values("request").distinct().count() == 3
    assert Grant.objects.count() == (3 if verdict is Verdict.APPROVE else 0)


def test_each_review_keeps_how_its_own_request_was_looked_at(organisation: Organisation, token: str) -> None:
    requests = three(token)
    looked = [Shown(seconds=20, visible_seconds=14, unfolded=True), Shown(seconds=20, visible_seconds=0), None]
    pairs = zip(items_of(requests), looked, strict=True)
    decide_all(organisation.approver, [replace(item, shown=shown) for item, shown in pairs])
    kept = Review.objects.order_by("request__number").values_list("shown_seconds", "visible_seconds", "unfolded")
    assert list(kept) == [(20, 14, True), (20, 0, None), (None, None, None)]


def test_each_review_is_bound_to_its_own_view(organisation: Organisation, token: str) -> None:
    requests = three(token)
    decide_all(organisation.approver, items_of(requests))
    for request in requests:
        assert bytes(Review.objects.get(request=request).view_hash) == bytes(request.view_hash)


def test_one_that_changed_keeps_all_from_being_decided(organisation: Organisation, token: str) -> None:
    """R50: nothing is recorded, and the answer says which and what."""
    requests = three(token)
    items = items_of(requests)
    items[1] = BatchItem(requests[1].number, b"\0" * 32)
    with pytest.raises(BatchRefused) as refused:
        decide_all(organisation.approver, items)
    [told] = refused.value.extra["items"]
    assert (told["number"], told["code"]) == (requests[1].label, "stale-view")
    assert told["difference"][0]["now"] == bytes(requests[1].view_hash).hex()
    assert (states(), Review.objects.count(), Grant.objects.count()) == (["pending"] * 3, 0, 0)


def test_each_that_is_in_the_way_is_named(organisation: Organisation, token: str) -> None:
    requests = three(token)
    review(requests[0], organisation.second_approver, Verdict.DENY)
    withdraw(actor=organisation.second_manager, request=requests[2])
    with pytest.raises(BatchRefused) as refused:
        decide_all(organisation.approver, items_of(requests))
    assert [told["number"] for told in refused.value.extra["items"]] == [requests[0].label, requests[2].label]
    assert states() == ["denied", "pending", "withdrawn"]


def test_a_stop_of_one_agent_keeps_the_batch_from_being_decided(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    other = opened(credential_for(organisation, active_agent(organisation, "Other Refactorer")))
    first = opened(token)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="Stop it now.")
    with pytest.raises(BatchRefused) as refused:
        decide_all(organisation.approver, items_of([other, first]))
    assert "stopped" in refused.value.extra["items"][0]["detail"]
    assert Review.objects.count() == 0


@pytest.mark.parametrize(
    ("who", "error"), [("manager", BatchRefused), ("outsider", NotFound), ("auditor", BatchRefused)]
)
def test_who_may_not(organisation: Organisation, token: str, who: str, error: type[Exception]) -> None:
    requests = three(token)
    with pytest.raises(error):
        decide_all(organisation.people[who], items_of(requests))
    assert states() == ["pending"] * 3


def test_one_out_of_sight_is_not_found_for_all(organisation: Organisation, token: str) -> None:
    """B46: a foreign or made-up number among one's own decides nothing and tells nothing."""
    requests = three(token)
    with pytest.raises(NotFound):
        decide_all(organisation.approver, [*items_of(requests), BatchItem(999, b"\0" * 32)])
    assert states() == ["pending"] * 3


def test_what_cannot_be_undone_is_not_approved_among_others(organisation: Organisation, token: str) -> None:
    hard = opened(token, "git push --force origin feature/tidy")
    with pytest.raises(BatchRefused) as refused:
        decide_all(organisation.approver, items_of([opened(token), hard]))
    assert [told["number"] for told in refused.value.extra["items"]] == [hard.label]
    decide_all(organisation.approver, items_of([hard]), Verdict.DENY)
    assert ApprovalRequest.objects.get(pk=hard.pk).state == RequestState.DENIED


@pytest.mark.parametrize("items", [[], [BatchItem(1, b"\0" * 32)] * 2, [BatchItem(n, b"") for n in range(1, 60)]])
def test_a_batch_that_is_none(organisation: Organisation, token: str, items: list[BatchItem]) -> None:
    opened(token)
    assert MOST_AT_ONCE < 59
    with pytest.raises(InvalidInput) as refused:
        decide_all(organisation.approver, items)
    assert refused.value.errors[0]["pointer"] == "/items"


def test_a_reason_that_does_not_do_is_said_once(organisation: Organisation, token: str) -> None:
    requests = three(token)
    with pytest.raises(InvalidInput) as refused:
        decide_all(organisation.approver, items_of(requests), reason="ok")
    assert refused.value.errors[0]["pointer"] == "/reason"
    assert states() == ["pending"] * 3


def test_two_batches_at_once_do_not_wait_for_each_other_for_ever(organisation: Organisation, token: str) -> None:
    """The same requests in the opposite order: one batch decides them all, the other is refused."""
    for turn in range(3):
        requests = [opened(token, session_id=f"s-{turn}-{number}") for number in range(3)]
        items = items_of(requests)
        results = at_once(
            [
                lambda some=items: decide_all(organisation.approver, some),  # type: ignore[misc]
                lambda some=items[::-1]: decide_all(organisation.second_approver, some),  # type: ignore[misc]
            ]
        )
        assert sorted(isinstance(result, BatchRefused) for result in results) == [False, True]
        assert Review.objects.filter(request__in=[request.pk for request in requests]).count() == 3
