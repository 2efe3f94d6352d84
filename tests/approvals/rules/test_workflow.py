"""Requests and grants: every edge that is not in the table is refused, a denial wins, silence expires."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from approvals.rules.workflow import (
    GrantState,
    IllegalTransition,
    RequestState,
    advance,
    advance_grant,
    due,
    grant_usable,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDS = ("approved", "denied", "expired", "withdrawn", "voided", "returned", "replaced")
LEGAL = {("pending", end) for end in ENDS} | {("approved", "voided")}
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
