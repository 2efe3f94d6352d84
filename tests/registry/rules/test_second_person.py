"""Who may decide a widening, and which backtest carries the decision: tables."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from registry.rules.second_person import ProposalFacts, fault_of_backtest, may_approve, may_refuse

AUTHOR, ISSUER, INITIATOR, OTHER = uuid4(), uuid4(), uuid4(), uuid4()
FACTS = ProposalFacts(
    author_id=AUTHOR,
    subject="Payments Refactorer",
    who="a manager of Payments",
    issuers=frozenset({ISSUER}),
    initiators=frozenset({INITIATOR}),
)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("person", "entitled", "approve", "refuse"),
    [
        (OTHER, True, None, None),
        (OTHER, False, "not-entitled", "not-entitled"),
        (AUTHOR, True, "author", "author"),
        (AUTHOR, False, "not-entitled", "not-entitled"),
        (ISSUER, True, "credential-holder", None),
        (INITIATOR, True, "initiator", None),
    ],
)
def test_who_may(person: object, entitled: bool, approve: str | None, refuse: str | None) -> None:
    refusals = [ask(person, FACTS, entitled=entitled) for ask in (may_approve, may_refuse)]  # type: ignore[arg-type]  # a table
    assert [one.code if one else None for one in refusals] == [approve, refuse]


@pytest.mark.parametrize(
    ("age", "basis", "says"),
    [
        (timedelta(hours=24), {"agent": "a", "team": None}, None),
        (timedelta(hours=24, microseconds=1), {"agent": "a", "team": None}, "older than 24 hours"),
        (None, {}, "has not finished"),
        (timedelta(), {"agent": "b", "team": None}, "policy of the agent has changed"),
        (timedelta(), {"agent": "a", "team": "t"}, "policy of the team has changed"),
        (timedelta(), {}, "policy of the agent has changed"),
    ],
)
def test_which_backtest_carries_a_decision(age: timedelta | None, basis: dict[str, object], says: str | None) -> None:
    at = None if age is None else NOW - age
    fault = fault_of_backtest(backtest_at=at, now=NOW, basis=basis, in_force={"agent": "a", "team": None})
    assert (fault is None) if says is None else (says in (fault or ""))
