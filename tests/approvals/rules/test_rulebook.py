"""The rulebook's document: read strictly, written whole, and never weaker than it says."""

from typing import Any
from uuid import UUID

import pytest

from approvals.rules.requirement import step_up_for
from approvals.rules.risk import Band
from approvals.rules.rulebook import BUILT_IN, Book, StepUp, digest
from approvals.rules.rulebook_parts import Stage
from approvals.rules.rulebook_words import Names, describe
from registry.rules.reading import PolicyError

SOMEBODY = "0190c2a4-0000-7000-8000-000000000000"
FULL: dict[str, Any] = {
    "groups": {"release": {"name": "Release", "members": [SOMEBODY]}},
    "rules": [
        {
            "id": "production",
            "name": "Production",
            "on": True,
            "when": {
                "teams": [SOMEBODY],
                "actions": ["deploy.*", "pr.merge"],
                "environments": ["prod*"],
                "tasks": ["release"],
                "risk_at_least": 40,
            },
            "stages": [{"name": "Release", "groups": ["group:release", "security"], "quorum": 2}],
            "expires_minutes": 30,
            "grant_minutes": 5,
        }
    ],
    "risk": {"weights": {"files": 20}, "elevated": 30, "high": 60},
    "step_up": {"irreversible": "passkey", "elevated": "fresh", "high": "passkey"},
    "reasons": {"low": 5, "elevated": 10, "high": 40},
    "duties": {"policy_editor_days": 14, "payload_editor_may_approve": False},
    "fatigue": {"most_in_ten_minutes": 20, "cool_down_minutes": 30, "quick_seconds": 8},
    "canaries": {"per_hundred": 2},
    "escalation": {"after_percent": 30},
}


def faults(document: object) -> list[str]:
    with pytest.raises(PolicyError) as wrong:
        Book.from_document(document)
    return [error["pointer"] for error in wrong.value.errors]


def test_a_document_means_itself() -> None:
    book = Book.from_document(FULL)
    written = book.to_document()
    assert Book.from_document(written) == Book.stored(written) == book
    assert digest(Book.stored(written)) == digest(book) != digest(BUILT_IN)
    assert book.groups["release"].members == (UUID(SOMEBODY),)
    assert book.rules[0].stages == (Stage("Release", ("group:release", "security"), 2),)
    assert (book.risk.weights["files"], book.risk.weights["lines"]) == (20, 15)


def test_what_is_left_out_is_as_it_is_built_in() -> None:
    assert Book.from_document({}) == BUILT_IN
    assert describe(BUILT_IN, Book.from_document({}), Names()) == []


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"quorum": 1}, "/quorum"),
        ({"groups": []}, "/groups"),
        ({"groups": {"A B": {"name": "x"}}}, "/groups/A B"),
        ({"groups": {"a": {"name": ""}}}, "/groups/a/name"),
        ({"groups": {"a": {"name": "A", "members": [SOMEBODY, SOMEBODY]}}}, "/groups/a/members/1"),
        ({"groups": {"a": {"name": "A", "members": ["somebody@example.test"]}}}, "/groups/a/members/0"),
        ({"groups": {"a": {"name": "A", "members": [SOMEBODY.upper()]}}}, "/groups/a/members/0"),
        ({"rules": {}}, "/rules"),
        ({"rules": [{"id": "a", "name": "A"}]}, "/rules/0"),
        ({"rules": [{"id": "a", "name": "A", "expires_minutes": 0}]}, "/rules/0/expires_minutes"),
        ({"rules": [{"id": "a", "name": "A", "grant_minutes": 1.5}]}, "/rules/0/grant_minutes"),
        ({"rules": [{"id": "a", "name": "A", "on": 1, "grant_minutes": 1}]}, "/rules/0/on"),
        ({"rules": [{"id": "a", "name": "A", "grant_minutes": 1}] * 2}, "/rules/1/id"),
        ({"rules": [{"id": "a", "name": "A", "grant_minutes": 1, "when": {"teams": []}}]}, "/rules/0/when/teams"),
        ({"rules": [{"id": "a", "name": "A", "grant_minutes": 1, "when": {"actions": ["**"]}}]},
         "/rules/0/when/actions/0"),
        ({"rules": [{"id": "a", "name": "A", "grant_minutes": 1, "when": {"risk_at_least": 101}}]},
         "/rules/0/when/risk_at_least"),
        ({"rules": [{"id": "a", "name": "A", "stages": [{"name": "S", "groups": [], "quorum": 1}]}]},
         "/rules/0/stages/0/groups"),
        ({"rules": [{"id": "a", "name": "A", "stages": [{"name": "S", "groups": ["group:b"], "quorum": 1}]}]},
         "/rules/0/stages/0/groups/0"),
        ({"rules": [{"id": "a", "name": "A", "stages": [{"name": "S", "groups": [["team"]], "quorum": 1}]}]},
         "/rules/0/stages/0/groups/0"),
        ({"rules": [{"id": "a", "name": "A", "stages": [{"name": "S", "groups": ["team"], "quorum": 1},
                                                        {"name": "T", "groups": ["team"], "quorum": 2}]}]},
         "/rules/0/stages/1/groups"),
        ({"risk": {"elevated": 70}}, "/risk/high"),
        ({"risk": {"weights": {"mood": 3}}}, "/risk/weights/mood"),
        ({"risk": {"weights": {"files": -1}}}, "/risk/weights/files"),
        ({"step_up": {"high": "none", "elevated": "fresh"}}, "/step_up/high"),
        ({"step_up": {"high": "sometimes"}}, "/step_up/high"),
        ({"reasons": {"low": 0}}, "/reasons/low"),
        ({"reasons": {"low": 30}}, "/reasons"),
        ({"canaries": {"per_hundred": 50}}, "/canaries/per_hundred"),
        ({"escalation": {"after_percent": 0}}, "/escalation/after_percent"),
        ({"duties": {"payload_editor_may_approve": "no"}}, "/duties/payload_editor_may_approve"),
        (None, ""),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_place(document: object, pointer: str) -> None:
    assert pointer in faults(document)


def test_an_action_that_left_the_catalogue_stays_readable() -> None:
    """A revision is never unreadable for what the organisation removed from its catalogue later."""
    document = {"rules": [{"id": "a", "name": "A", "grant_minutes": 1, "when": {"actions": ["acme.release"]}}]}
    assert faults(document) == ["/rules/0/when/actions/0"]
    assert Book.stored(document).rules[0].when.actions == ("acme.release",)


@pytest.mark.parametrize(
    ("band", "irreversible", "proof"),
    [
        (Band.LOW, False, StepUp.NONE),
        (Band.LOW, True, StepUp.FRESH),
        (Band.ELEVATED, False, StepUp.NONE),
        (Band.ELEVATED, True, StepUp.FRESH),
        (Band.HIGH, False, StepUp.PASSKEY),
        (Band.HIGH, True, StepUp.PASSKEY),
    ],
)
def test_the_strictest_proof_counts(band: Band, irreversible: bool, proof: StepUp) -> None:
    assert step_up_for(BUILT_IN, band, irreversible=irreversible) is proof
