"""Canonical bytes and the strict parser: public vectors, and every way one body could mean two things."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from portal.ledger.rules.canonical import (
    MAX_INTEGER,
    CanonicalError,
    canonicalize,
    canonicalize_any,
    parse_strict,
)

VECTORS = Path(__file__).parents[2] / "data" / "jcs"
WITH_FLOATS = {"structures.json", "values.json"}
NAMES = sorted(path.name for path in (VECTORS / "input").iterdir())

# Text is weighted to the characters whose order differs between UTF-8 and UTF-16, and to escapes.
TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        st.sampled_from('\ue000￿𐀀😀\\"\x7f\x1fu0'),
    )
)
NUMBERS = st.integers(min_value=-MAX_INTEGER, max_value=MAX_INTEGER)
PROFILE = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


class Colour(StrEnum):
    RED = "red"


class Size(Enum):
    BIG = 3


class Ratio(Enum):
    HALF = 0.5


@dataclass
class Point:
    x: int


@pytest.mark.parametrize("name", NAMES)
def test_public_vectors(name: str) -> None:
    value = parse_strict((VECTORS / "input" / name).read_bytes())
    expected = (VECTORS / "output" / name).read_bytes()
    assert canonicalize_any(value) == expected
    if name in WITH_FLOATS:
        with pytest.raises(CanonicalError, match="float"):
            canonicalize(value)
    else:
        assert canonicalize(value) == expected


def test_there_are_vectors() -> None:
    assert len(NAMES) == 6


@given(PROFILE)
def test_fast_path_equals_the_reference(value: Any) -> None:
    data = canonicalize(value)
    assert data == rfc8785.dumps(value)
    assert parse_strict(data) == value


@given(PROFILE, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]), st.booleans())
def test_every_spelling_of_a_value_parses_to_it(value: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    data = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    assert parse_strict(data) == value
    assert parse_strict(data, floats="text") == value


def test_order_of_keys_is_utf16() -> None:
    assert canonicalize({"￿": 1, "𐀀": 2}) == '{"𐀀":2,"￿":1}'.encode()


@pytest.mark.parametrize("beside", ["", "\u02c0", "\uffff\U00010000", "x" * 203])
def test_enums_and_ids_are_written_plainly_whatever_stands_beside(beside: str) -> None:
    """Text that holds the float mark of MessagePack, or keys in another order, take other ways to the same bytes."""
    values: Any = {"a": Colour.RED, "b": (1, 2), "c": Size.BIG, "d": UUID(int=7), "e": OrderedDict(x=1), "f": beside}
    plain: Any = {"a": "red", "b": [1, 2], "c": 3, "d": str(UUID(int=7)), "e": {"x": 1}, "f": beside}
    assert canonicalize(values) == rfc8785.dumps(plain)
    for number in (1.5, 0.0, float("nan"), float("inf")):
        with pytest.raises(CanonicalError, match="float"):
            canonicalize({**values, "g": [number]})
    strangers: list[Any] = [datetime(2026, 11, 21, tzinfo=UTC), Decimal(1), Ratio.HALF, b"", {1}, Point(1)]
    for foreign in strangers:
        with pytest.raises(CanonicalError):
            canonicalize({**values, "g": [foreign]})


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"a": [1, 1.5]}, "/a/1"),
        ({"a": float("nan")}, "/a"),
        ({"a": MAX_INTEGER + 1}, "/a"),
        ([-MAX_INTEGER - 1], "/0"),
        ({"a/b": {"~": "x\0"}}, "/a~1b/~0"),
        ({"x\0": 1}, "/x\0"),
        (["\ud800"], "/0"),
        ({"\ud800": 1}, "/\ud800"),
        ([b"bytes"], "/0"),
        ([{1, 2}], "/0"),
        ({1: 2}, ""),
    ],
)
def test_outside_the_profile(value: Any, pointer: str) -> None:
    with pytest.raises(CanonicalError) as error:
        canonicalize(value)
    assert error.value.pointer == pointer


def test_depth_and_cycles_are_clean_errors() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)
    for value in (deep, circle):
        with pytest.raises(CanonicalError):
            canonicalize(value)
        with pytest.raises(CanonicalError):
            canonicalize_any(value)


def test_backslash_text_is_not_nul() -> None:
    assert parse_strict(canonicalize(["\\u0000", "\\\\u0000"])) == ["\\u0000", "\\\\u0000"]


@pytest.mark.parametrize(
    ("data", "pointer", "says"),
    [
        (b"", "", "not JSON"),
        (b" ", "", "not JSON"),
        (b"\xef\xbb\xbf{}", "", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "", "not UTF-8"),
        (b'"\xff"', "", "byte 1"),
        (b'"\xed\xa0\x80"', "", "not UTF-8"),
        (b'"\xc0\x80"', "", "not UTF-8"),
        (b'{"a":1,"a":1}', "/a", "twice"),
        (b'{"x":[{"b/":1,"\\u0062/":2}]}', "/x/0/b~1", "twice"),
        (b'{"a": NaN}', "", "line 1 column 7"),
        (b"[Infinity]", "", "not JSON"),
        (b"[-Infinity]", "", "not JSON"),
        (b"[1e400]", "", "infinity"),
        (b"[9007199254740992]", "/0", "2^53"),
        (b'{"a":-9007199254740992}', "/a", "2^53"),
        (b"[18446744073709551616]", "/0", "2^53"),
        (b"[" + b"9" * 5000 + b"]", "", ""),
        (b'{"a":"x\\u0000"}', "/a", "NUL"),
        (b'{"x\\u0000":1}', "/x\0", "NUL"),
        (b'"\x00"', "", "control character"),
        (b'"\\ud800"', "", "surrogate"),
        (b'"\\udc00\\ud800"', "", "surrogate"),
        (b"[1] x", "", "column 5"),
        (b"[1,]", "", "not JSON"),
        (b"{'a':1}", "", "not JSON"),
        (b"[01]", "", "not JSON"),
        (b"[1.]", "", "not JSON"),
        (b"// c\n1", "", "not JSON"),
        (b"[" * 65 + b"]" * 65, "", "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "", "deeper than 64"),
        (b"[" * 10_000 + b"]" * 10_000, "", "deep"),
        (b"[" * 500_000, "", "deep"),
    ],
)
def test_refused(data: bytes, pointer: str, says: str) -> None:
    for floats in ("keep", "text"):
        with pytest.raises(CanonicalError) as error:
            parse_strict(data, floats=floats)
        assert error.value.pointer == pointer
        assert says in error.value.detail


def test_size_limit() -> None:
    assert parse_strict(b"[1]", max_bytes=3) == [1]
    with pytest.raises(CanonicalError, match="larger than 3 bytes"):
        parse_strict(b"[1] ", max_bytes=3)


def test_depth_limit_counts_brackets_outside_text_only() -> None:
    assert parse_strict(b'["' + b"[" * 500 + b'"]') == ["[" * 500]
    assert parse_strict(b"[" + b"[]," * 500 + b"[]]") == [[]] * 501
    assert parse_strict(b"[" * 64 + b"]" * 64) is not None
    assert parse_strict(b"[[1]]", max_depth=2) == [[1]]
    with pytest.raises(CanonicalError, match="deeper than 1"):
        parse_strict(b"[[1]]", max_depth=1)


def test_floats() -> None:
    data = b'{"a":1.50,"b":1e3,"c":-0.0,"d":7}'
    assert parse_strict(data) == {"a": 1.5, "b": 1000.0, "c": -0.0, "d": 7}
    assert parse_strict(data, floats="text") == {"a": "1.50", "b": "1e3", "c": "-0.0", "d": 7}


def test_minus_zero_is_zero() -> None:
    assert canonicalize(parse_strict(b"[-0]")) == b"[0]"
