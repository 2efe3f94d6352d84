"""Who may review: each separation of duties refuses by itself, with a sentence to show."""

from dataclasses import replace
from uuid import UUID

import pytest

from approvals.rules.eligibility import PersonFacts, RequestFacts, may_review

TEAM, OTHER_TEAM = UUID(int=10), UUID(int=11)
ANNA, BORIS, CHLOE = UUID(int=1), UUID(int=2), UUID(int=3)
PERSON = PersonFacts(person_id=ANNA, active=True, approver_of=frozenset({TEAM}))
REQUEST = RequestFacts(team_id=TEAM, initiator_id=BORIS, credential_issuer_id=CHLOE)


def test_an_approver_of_the_team_may() -> None:
    assert may_review(PERSON, REQUEST) is None


def test_security_may_without_being_an_approver() -> None:
    assert may_review(replace(PERSON, approver_of=frozenset(), security=True), REQUEST) is None


@pytest.mark.parametrize("security", [False, True])
@pytest.mark.parametrize(
    ("person", "request_", "code"),
    [
        (replace(PERSON, by_agent_credential=True), REQUEST, "agent-credential"),
        (replace(PERSON, active=False), REQUEST, "inactive"),
        (PERSON, replace(REQUEST, initiator_id=ANNA), "initiator"),
        (PERSON, replace(REQUEST, credential_issuer_id=ANNA), "credential-holder"),
        (PERSON, replace(REQUEST, reviewed_by=frozenset({ANNA})), "already-reviewed"),
        (PERSON, replace(REQUEST, pending=False), "resolved"),
    ],
)
def test_refused(person: PersonFacts, request_: RequestFacts, code: str, security: bool) -> None:
    refusal = may_review(replace(person, security=security), request_)
    assert refusal is not None
    assert refusal.code == code
    assert refusal.sentence.endswith(".")


def test_an_approver_of_another_team_may_not() -> None:
    refusal = may_review(replace(PERSON, approver_of=frozenset({OTHER_TEAM})), REQUEST)
    assert refusal is not None
    assert refusal.code == "not-approver"


def test_nobody_known_refuses_nobody_else() -> None:
    assert may_review(PERSON, RequestFacts(team_id=TEAM)) is None
