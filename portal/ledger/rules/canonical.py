"""One spelling for every JSON value: RFC 8785 bytes out, and a parser in that lets nothing ambiguous through.

The ledger hashes bytes, so two programs must never disagree about the bytes of a value or the value of some
bytes. Hence a profile narrower than RFC 8785: no floats, integers below 2^53, no NUL (PostgreSQL's jsonb has
none), no lone surrogates. Within it sorted orjson *is* RFC 8785, at sixty times the speed of pure Python.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec
import orjson
import rfc8785

# dict, list, str, int, bool, None; float only out of parse_strict(floats="keep"). Mapping and Sequence are
# covariant, so a dict[str, str] is one too; sets and bytes are refused at run time.
JSONValue: TypeAlias = "Mapping[str, JSONValue] | Sequence[JSONValue] | str | int | float | bool | None"
Floats = Literal["keep", "text"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_INTEGER = (1 << 53) - 1

# Dates and dataclasses are refused: how to spell them is for the caller to say.
_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
)
_msgpack = msgspec.msgpack.Encoder().encode
_PLAIN = frozenset((str, int, bool, type(None)))
# RFC 8785 section 3.2.3 sorts keys by UTF-16 units, orjson by UTF-8 bytes. The orders differ only between
# U+E000..U+FFFF and the astral planes, whose UTF-8 begins with 0xEE or above.
_ORDER_MAY_DIFFER = re.compile(rb"[\xee-\xff]")
# An escaped NUL: an odd number of backslashes before u0000 (an even one is backslashes and the text "u0000").
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class CanonicalError(ValueError):
    """A value or a body outside the profile. ``pointer`` is RFC 6901, "" for the whole document."""

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(f"{pointer}: {detail}" if pointer else detail)
        self.detail = detail
        self.pointer = pointer


def canonicalize(value: JSONValue) -> bytes:
    """The RFC 8785 bytes of ``value``. An Enum counts as its value and a UUID as its text.

    Raises CanonicalError for a float, an integer of 2^53 or more, NUL, a lone surrogate, a key that is not
    text, a type JSON does not have, or nesting past 254 levels.
    """
    try:
        data = orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        raise _diagnose(value, str(error)) from error
    # orjson writes a float in its own spelling, NaN even as null, and has no option against it.
    if type(value) is not str and not _surely_no_float(value):
        _refuse_floats(value)
    if b"\\" in data and _ESCAPED_NUL.search(data):
        raise _diagnose(value, "NUL in text")
    if not data.isascii() and _ORDER_MAY_DIFFER.search(data):
        return rfc8785.dumps(orjson.loads(data))
    return data


def canonicalize_any(value: JSONValue) -> bytes:
    """RFC 8785 with floats, in pure Python: for comparing with others' canonical JSON, never for entries."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise CanonicalError(str(error) or "nested too deeply") from error


def parse_strict(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, floats: Floats = "keep"
) -> Any:
    """The one value that ``data`` can mean: a JSONValue, typed Any because callers validate its shape.

    ``floats="text"`` gives every fractional or exponent number as its own spelling, a str. ``max_depth`` is
    at most 200. Raises CanonicalError for bytes past ``max_bytes``, a BOM, invalid UTF-8, anything RFC 8259
    does not allow, NaN, Infinity, 1e400, duplicate keys, integers of 2^53 or more, NUL, lone surrogates and
    nesting past ``max_depth``.
    """
    if len(data) > max_bytes:
        raise CanonicalError(f"larger than {max_bytes} bytes")
    if data.startswith(b"\xef\xbb\xbf"):
        raise CanonicalError("begins with a byte order mark")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _unreadable(data, error) from error
    # Every level needs a bracket, so few brackets prove little depth without looking further.
    if data.count(b"{") + data.count(b"[") > max_depth:
        _refuse_depth(value, max_depth)
    if (floats == "keep" or _surely_no_float(value)) and _writes_back(value, data):
        return value
    return _parse_slowly(data, floats)


def _writes_back(value: object, data: bytes) -> bool:
    """True when ``data`` is the compact spelling of ``value``, or the one that Python gives it.

    Then no key was given twice (the first one would be missing) and no number was rounded. False proves
    nothing: other spellings take the slow way.
    """
    try:
        compact = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return False
    return (compact == data or json.dumps(value).encode() == data) and b"\\u0000" not in data


class _Flaw:
    """Stands in the parsed value where something is wrong, so that its place can be named afterwards."""

    def __init__(self, detail: str) -> None:
        self.detail = detail


def _parse_slowly(data: bytes, floats: Floats) -> object:
    flaws: list[_Flaw] = []

    def flaw(detail: str) -> _Flaw:
        flaws.append(_Flaw(detail))
        return flaws[-1]

    def members(pairs: list[tuple[str, Any]]) -> object:
        built = dict(pairs)
        if len(built) == len(pairs):
            return built
        keys = [key for key, _ in pairs]
        twice = next(key for place, key in enumerate(keys) if key in keys[:place])
        return {**built, twice: flaw("this key is given twice")}

    def integer(text: str) -> int | _Flaw:
        # The length first: int() of a megabyte of digits takes quadratic time.
        number = int(text) if len(text) <= 17 else MAX_INTEGER + 1
        return number if -MAX_INTEGER <= number <= MAX_INTEGER else flaw("an integer beyond 2^53 - 1: send text")

    # orjson has already accepted the grammar, UTF-8, surrogates and depth, so no constants and no recursion.
    value = json.loads(
        data,
        object_pairs_hook=members,
        parse_int=integer,
        parse_float=str if floats == "text" else None,
    )
    if flaws or b"\\u0000" in data:
        _name_flaw(value)
    return value


def _name_flaw(value: object) -> None:
    for pointer, item in _walk(value):
        if isinstance(item, _Flaw):
            raise CanonicalError(item.detail, pointer)
        if isinstance(item, str) and "\0" in item:
            raise CanonicalError("NUL in text", pointer)


def _walk(value: object) -> Iterator[tuple[str, object]]:
    """Every key and value under ``value`` with its RFC 6901 pointer; a key comes under its own pointer."""
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        pointer, item = stack.pop()
        yield pointer, item
        inner: Iterable[tuple[Any, object]] = ()
        if isinstance(item, dict):
            inner = item.items()
        elif isinstance(item, list | tuple):
            inner = enumerate(item)
        for key, child in inner:
            below = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if isinstance(item, dict):
                yield below, key
            stack.append((below, child))


def _refuse_depth(value: object, max_depth: int) -> None:
    level, depth = [value], 0
    while level := [item for item in level if type(item) is dict or type(item) is list]:
        depth += 1
        if depth > max_depth:
            raise CanonicalError(f"nested deeper than {max_depth} levels")
        level = [child for item in level for child in (item.values() if type(item) is dict else item)]


def _unreadable(data: bytes, error: orjson.JSONDecodeError) -> CanonicalError:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as broken:
        return CanonicalError(f"not UTF-8: byte {broken.start} is invalid")
    if "depth" in error.msg or "recursion" in error.msg.lower():
        return CanonicalError("nested too deeply")
    return CanonicalError(f"not JSON: {error.msg}, line {error.lineno} column {error.colno}")


def _surely_no_float(value: object) -> bool:
    """True proves that ``value`` holds no float; False only that somebody has to look.

    MessagePack marks every float with the byte 0xCB, NaN included, and other values rarely hold that byte.
    Encoding and searching takes a third of the time of a walk in Python.
    """
    try:
        return b"\xcb" not in _msgpack(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


def _refuse_floats(value: object) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Enum):
            item = item.value
        if isinstance(item, float):
            raise _diagnose(value, "a float: give a whole number or text")
        if isinstance(item, dict):
            stack += [child for child in item.values() if type(child) not in _PLAIN]
        elif isinstance(item, list | tuple):
            stack += [child for child in item if type(child) not in _PLAIN]


def _diagnose(value: object, fallback: str) -> CanonicalError:
    """The error for the first offence found, with its place; ``fallback`` when the walk finds none."""
    try:
        for place, (pointer, item) in enumerate(_walk(value)):
            if offence := _offence(item):
                return CanonicalError(offence, pointer)
            if place > MAX_BYTES or pointer.count("/") > 254:
                break
    except UnicodeError:
        pass
    return CanonicalError(fallback)


def _offence(item: object) -> str | None:
    match item:
        case float():
            return "a float: give a whole number or text"
        case int() if not -MAX_INTEGER <= item <= MAX_INTEGER:
            return "an integer beyond 2^53 - 1: give text"
        case str() if "\0" in item:
            return "NUL in text"
        case str() if any("\ud800" <= character <= "\udfff" for character in item):
            return "a lone surrogate in text"
        case None | str() | int() | dict() | list() | tuple() | Enum() | UUID():
            return None
    return f"{type(item).__name__} is not JSON"
