"""Who may review: each separation of duties refuses by itself, with a sentence to show."""

from dataclasses import replace
from uuid import UUID

import pytest

from approvals.rules.duties import Account, Part, Tie, Ties
from approvals.rules.eligibility import Borrowed, PersonFacts, RequestFacts, may_review
from approvals.rules.rulebook_parts import Stage

ANNA, BORIS, CHLOE = (
    Account(UUID(int=n), UUID(int=n + 100), name) for n, name in enumerate(("Anna", "Boris", "Chloe"))
)
OWNERS = Stage("Owner team", ("team", "security"), 1)
LAWYERS = Stage("Lawyers", ("group:lawyers",), 1)
PERSON = PersonFacts(ANNA, active=True, groups=frozenset({"team"}))
REQUEST = RequestFacts((OWNERS,), ties=Ties((Tie(BORIS, Part.INITIATOR), Tie(CHLOE, Part.CREDENTIAL_HOLDER))))
FOR_DORA = replace(PERSON, borrowed=Borrowed(Account(UUID(int=9), UUID(int=109), "Dora")))
DORA = FOR_DORA.borrowed.giver if FOR_DORA.borrowed else ANNA


def with_part(who: Account, part: Part = Part.INITIATOR) -> RequestFacts:
    return replace(REQUEST, ties=Ties((Tie(who, part),)))


def test_an_approver_of_the_team_may() -> None:
    assert may_review(PERSON, REQUEST) is None


def test_security_may_without_being_an_approver() -> None:
    assert may_review(replace(PERSON, groups=frozenset({"security"})), REQUEST) is None


def test_who_stands_in_may() -> None:
    assert may_review(FOR_DORA, REQUEST) is None


@pytest.mark.parametrize("groups", [{"team"}, {"security"}, {"team", "security"}])
@pytest.mark.parametrize(
    ("person", "request_", "code"),
    [
        (replace(PERSON, active=False), REQUEST, "inactive"),
        *((PERSON, with_part(ANNA, part), part.value.replace("_", "-")) for part in Part),
        (PERSON, with_part(replace(BORIS, human=ANNA.human)), "initiator"),
        (PERSON, replace(REQUEST, voted=frozenset({ANNA.human})), "already-reviewed"),
        (PERSON, replace(REQUEST, pending=False), "resolved"),
        (replace(FOR_DORA, borrowed=Borrowed(DORA, runs=False)), REQUEST, "not-delegated"),
        (replace(FOR_DORA, borrowed=Borrowed(replace(DORA, human=ANNA.human))), REQUEST, "not-delegated"),
        (replace(FOR_DORA, overseer=True), REQUEST, "overseer"),
        (FOR_DORA, with_part(DORA), "initiator"),
        (FOR_DORA, with_part(ANNA), "initiator"),
        (FOR_DORA, with_part(replace(BORIS, human=DORA.human)), "initiator"),
        (replace(FOR_DORA, borrowed=Borrowed(DORA, made_by=BORIS)), REQUEST, "initiator"),
        (FOR_DORA, replace(REQUEST, voted=frozenset({DORA.human})), "right-used"),
        (FOR_DORA, replace(REQUEST, used=frozenset({DORA.human})), "right-used"),
        (FOR_DORA, replace(REQUEST, voted=frozenset({ANNA.human})), "already-reviewed"),
    ],
)
def test_refused(person: PersonFacts, request_: RequestFacts, code: str, groups: set[str]) -> None:
    refusal = may_review(replace(person, groups=frozenset(groups)), request_)
    assert refusal is not None
    assert refusal.code == code
    assert refusal.sentence.endswith(".")


@pytest.mark.parametrize("person", [PERSON, FOR_DORA])
def test_without_the_right_nobody_may(person: PersonFacts) -> None:
    refusal = may_review(replace(person, groups=frozenset({"group:lawyers"})), REQUEST)
    assert refusal is not None
    assert refusal.code == "not-approver"


def test_the_sentence_names_the_other_account_and_the_way() -> None:
    other = Account(UUID(int=7), ANNA.human, "Anna (admin)")
    refusal = may_review(PERSON, with_part(other, Part.POLICY_EDITOR))
    assert refusal is not None
    assert "Anna (admin)" in refusal.sentence
    assert "policy" in refusal.sentence


@pytest.mark.parametrize(
    ("groups", "opened", "code"),
    [
        ({"team"}, 0, None),
        ({"group:lawyers"}, 0, "not-your-turn"),
        ({"group:lawyers"}, 1, None),
        ({"team"}, 1, "stage-decided"),
        ({"team", "group:lawyers"}, 1, None),
        ({"group:others"}, 1, "not-approver"),
    ],
)
def test_stages_go_in_order(groups: set[str], opened: int, code: str | None) -> None:
    refusal = may_review(
        replace(PERSON, groups=frozenset(groups)), replace(REQUEST, stages=(OWNERS, LAWYERS), open=opened)
    )
    assert (refusal and refusal.code) == code


def test_nobody_known_refuses_nobody_else() -> None:
    assert may_review(PERSON, RequestFacts((OWNERS,))) is None
