"""Which refusals leave an entry, and in which words."""

import pytest

from approvals.rules.duties import Part
from approvals.rules.refused import rule_of, told


@pytest.mark.parametrize("part", Part)
def test_every_part_in_a_request_leaves_one(part: Part) -> None:
    code = part.value.replace("_", "-")
    assert rule_of("not-allowed", code) == code
    assert told(code, "approve").startswith("tried to approve it and was refused: ")
    assert not told(code, "approve").endswith(code)


@pytest.mark.parametrize(
    ("code", "reason", "rule"),
    [
        ("step-up-required", None, "fresh-proof"),
        ("passkey-required", None, "passkey"),
        ("proof-refused", None, "passkey"),
        ("not-allowed", "not-approver", "not-approver"),
        ("not-allowed", "not-delegated", "not-delegated"),
        ("not-allowed", "not-your-turn", None),
        ("not-allowed", "stage-decided", None),
        ("not-allowed", "alone", None),
        ("not-allowed", None, None),
        ("conflict", "already-reviewed", None),
        ("stale-view", None, None),
        ("invalid-input", None, None),
        ("not-found", None, None),
    ],
)
def test_what_leaves_one(code: str, reason: str | None, rule: str | None) -> None:
    assert rule_of(code, reason) == rule


def test_being_asked_for_a_proof_is_no_fault() -> None:
    assert told("fresh-proof", "approve") == "wanted to approve it and was first asked to prove who they are"
