"""A reason says something, fits, and can be kept."""

import pytest

from approvals.rules.reasons import SHORTEST_OF_EXCEPTION, fault_in_reason
from registry.rules.texts import MOST_TEXT


@pytest.mark.parametrize(
    ("reason", "least", "fault"),
    [
        ("why", 3, None),
        ("w\ny", 3, None),
        ("  w y  ", 3, None),
        ("  wy  ", 3, "must say why, in a few words"),
        ("nine char", SHORTEST_OF_EXCEPTION, "must say why, in at least 10 characters"),
        ("ten chars.", SHORTEST_OF_EXCEPTION, None),
        (" \n ", 3, "must not be empty"),
        ("x" * MOST_TEXT, 3, None),
        ("x" * (MOST_TEXT + 1), 3, "must not be longer than 2000 characters"),
        ("why\0", 3, "must not contain control characters"),
    ],
)
def test_a_reason(reason: str, least: int, fault: str | None) -> None:
    assert fault_in_reason(reason, least=least) == fault
