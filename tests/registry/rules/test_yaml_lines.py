"""YAML with lines: what is taken, what is refused and where, and that writing reads back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.rules.yaml_lines import MOST_BYTES, Fault, YamlError, parse, write


def test_values_and_their_lines() -> None:
    parsed = parse("a: 1\nb:\n  - x\n  - 'on'\nc: {d: null, e: true}\n")
    assert parsed.value == {"a": 1, "b": ["x", "on"], "c": {"d": None, "e": True}}
    assert [parsed.line_of(pointer) for pointer in ("/a", "/b", "/b/1", "/c/e", "/c/missing/deeper")] == [1, 2, 4, 5, 5]


REFUSED = {
    "an alias": ("a: &x 1\nb: *x", 1, "Anchors and aliases"),
    "an unused anchor": ("a: 1\nb: &x 2", 2, "Anchors and aliases"),
    "a key written twice": ("a: 1\nb: 2\na: 3", 3, "a is written twice"),
    "a word that YAML 1.1 calls true": ("a: 1\nb: yes", 2, "yes could be a word"),
    "hexadecimal": ("a: 0x1f", 1, "not a whole number"),
    "octal": ("a: 010", 1, "not a whole number"),
    "a fraction": ("a: 1.5", 1, "would be read as a float"),
    "a date": ("a: 2026-11-21", 1, "would be read as a timestamp"),
    "a second document": ("--- {}\n--- {}", 2, "Only one document"),
    "a Python object": ("!!python/object/apply:os.system ['true']", 1, "The tag"),
    "a tag of one's own": ("a: !secret x", 1, "The tag"),
    "a merge key": ("<<: {a: 1}", 1, "must be text"),
    "a number for a key": ("1: 2", 1, "must be text"),
    "a list for a key": ("? [1]\n: 2", 1, "must be text"),
    "an open bracket": ("a:\n  b: [1,\n", 3, "This is not YAML"),
    "nothing": ("", 1, "empty"),
    "a comment": ("# only words", 1, "empty"),
    "a control character": ("a: 1\nb: \x07", 2, "character"),
    "a lone surrogate": ("a: 1\nb: \ud800", 2, "character"),
    "a tower": ("[" * 500 + "]" * 500, 1, "nested more than"),
    "a number beyond exactness": ("a: 12345678901234567", 1, "not a whole number"),
}


@pytest.mark.parametrize(("text", "line", "words"), REFUSED.values(), ids=REFUSED)
def test_what_could_mean_two_things_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(YamlError) as refused:
        parse(text)
    fault = refused.value.faults[0]
    assert words in fault.detail
    assert fault.line == line


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(YamlError) as refused:
        parse("a: yes\nb: 1.5\nc: ok\nd: 0x1")
    assert [fault.line for fault in refused.value.faults] == [1, 2, 4]


def test_a_text_that_is_too_long_is_not_read() -> None:
    with pytest.raises(YamlError, match="longer than"):
        parse("a: " + "x" * MOST_BYTES)


PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(PLAIN, VALUES, min_size=1, max_size=4))
def test_what_is_written_reads_back(value: dict[str, object]) -> None:
    text = write(value)
    assert parse(text).value == value
    assert write(parse(text).value) == text


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    faults, value = _read(text)
    assert faults is None or all(fault.line >= 1 and fault.detail for fault in faults)
    assert faults != []
    if faults is None:
        assert parse(write(value)).value == value


def _read(text: str) -> tuple[list[Fault] | None, object]:
    try:
        return None, parse(text).value
    except YamlError as error:
        return error.faults, None
