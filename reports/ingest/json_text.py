"""Reads JSON written by agents: as strict as evidence needs, as lenient as recorded tool output demands.

The strict parser of the ledger refuses NUL and lone surrogates outright. Here they are kept, made
visible: they turn up for real in recorded command output, and refusing them would lose every other record
of the same body.
"""

import json
from collections import Counter
from typing import NoReturn

from reports.ingest.incoming import JSON, IngestError
from reports.ingest.values import MAX_INTEGER, clean, decimal_text, one_line


def read_json(data: bytes) -> JSON:
    """The JSON value in `data`, cleaned as by `values.clean`: floats as decimal text, huge integers as text.

    Raises IngestError for anything that is not UTF-8 JSON (RFC 8259), for a key given twice in one
    object, for NaN and Infinity, and for nesting deeper than 64 levels.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IngestError(f"not UTF-8: byte {error.start} is invalid") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=decimal_text,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise IngestError(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise IngestError("nested too deeply") from error
    return clean(value)


def read_object(data: bytes) -> dict[str, JSON]:
    """As `read_json`, for a body that must be one JSON object."""
    value = read_json(data)
    if not isinstance(value, dict):
        raise IngestError("not a JSON object")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    built = dict(pairs)
    if len(built) != len(pairs):
        twice = max(Counter(key for key, _ in pairs).items(), key=lambda counted: counted[1])[0]
        raise IngestError(f'the key "{one_line(twice, 60)}" is given twice')
    return built


def _integer(text: str) -> int | str:
    # int() refuses more than 4,300 digits with ValueError, and takes quadratic time before that.
    if len(text) > 17:
        return text
    number = int(text)
    return number if abs(number) < MAX_INTEGER else text


def _no_constant(name: str) -> NoReturn:
    raise IngestError(f"{name} is not JSON")
