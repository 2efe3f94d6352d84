"""Every case of the list of hostile cases has a test that is named after it: R01 to R76, I1 to I10, K01 to K20."""

import ast
import re
from pathlib import Path

CASES = (
    *(f"r{number:02}" for number in range(1, 77)),
    *(f"i{number}" for number in range(1, 11)),
    *(f"k{number:02}" for number in range(1, 21)),
)


def test_every_case_has_a_test_that_is_named_after_it() -> None:
    """``test_r41_two_workers…`` proves R41, ``test_r60_r62_…`` both; a span is no proof of each of its cases."""
    named = {case for name in _tests() for case in _cases_of(name)}
    assert sorted(set(CASES) - named) == []


def _tests() -> set[str]:
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return found


def _cases_of(name: str) -> set[str]:
    return set(re.findall(r"(?<=_)(?:[rk]\d\d|i\d{1,2})(?=_|$)", re.sub(r"_i\d+_to_i\d+", "", name)))
