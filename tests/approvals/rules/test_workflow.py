"""Requests and grants: every edge that is not in the table is refused, a denial wins, silence expires."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.workflow import (
    GrantState,
    IllegalTransition,
    RequestState,
    ReviewFact,
    Verdict,
    advance,
    advance_grant,
    due,
    grant_usable,
    resolve,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEGAL = {("pending", end) for end in ("approved", "denied", "expired", "withdrawn", "voided")} | {
    ("approved", "voided")
}
GRANT_LEGAL = {("issued", end) for end in ("redeemed", "expired", "voided")}


@pytest.mark.parametrize(("current", "target"), list(product(RequestState, RequestState)))
def test_every_edge_of_a_request(current: RequestState, target: RequestState) -> None:
    if (current.value, target.value) in LEGAL:
        assert advance(current, target) is target
    else:
        with pytest.raises(IllegalTransition):
            advance(current, target)


@pytest.mark.parametrize(("current", "target"), list(product(GrantState, GrantState)))
def test_every_edge_of_a_grant(current: GrantState, target: GrantState) -> None:
    if (current.value, target.value) in GRANT_LEGAL:
        assert advance_grant(current, target) is target
    else:
        with pytest.raises(IllegalTransition):
            advance_grant(current, target)


def review(person: int, verdict: Verdict = Verdict.APPROVE) -> ReviewFact:
    return ReviewFact(UUID(int=person), verdict)


def test_a_quorum_counts_people() -> None:
    assert resolve([], 1) is None
    assert resolve([review(1)], 1) is RequestState.APPROVED
    assert resolve([review(1), review(1)], 2) is None
    assert resolve([review(1), review(2)], 2) is RequestState.APPROVED


@given(st.lists(st.integers(1, 5), max_size=6), st.integers(1, 4), st.integers(0, 6))
def test_one_denial_wins_wherever_it_stands(people: list[int], quorum: int, place: int) -> None:
    reviews = [review(person) for person in people]
    reviews.insert(place, review(9, Verdict.DENY))
    assert resolve(reviews, quorum) is RequestState.DENIED


@pytest.mark.parametrize("quorum", [0, -1, True, 1.0, "1", None])
def test_a_quorum_that_would_approve_by_itself_is_an_error(quorum: Any) -> None:
    with pytest.raises(ValueError, match="quorum"):
        resolve([review(1)], quorum)


def test_silence_expires_at_the_very_moment() -> None:
    before, after = NOW - timedelta(microseconds=1), NOW
    assert due(RequestState.PENDING, expires_at=NOW, now=before) is RequestState.PENDING
    assert due(RequestState.PENDING, expires_at=NOW, now=after) is RequestState.EXPIRED
    assert due(RequestState.APPROVED, expires_at=NOW, now=after) is RequestState.APPROVED


@pytest.mark.parametrize("state", list(GrantState))
def test_only_an_issued_grant_in_time_can_be_used(state: GrantState) -> None:
    early = NOW - timedelta(microseconds=1)
    assert grant_usable(state, expires_at=NOW, now=early) is (state is GrantState.ISSUED)
    assert not grant_usable(state, expires_at=NOW, now=NOW)
