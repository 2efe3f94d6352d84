"""Turns values sent by strangers into values safe to keep: no floats, no huge integers, no control text."""

import hashlib
import re
import unicodedata
from dataclasses import fields
from decimal import Decimal
from math import isfinite

from portal.ledger.rules.canonical import canonicalize
from reports.ingest.incoming import JSON, Incoming, IngestError

MAX_INTEGER = 2**53  # RFC 8785 numbers are IEEE 754 doubles; larger integers are kept as text
MAX_DEPTH = 64
MAX_NAME = 200
MAX_LABEL = 255

# No space, no quote, no "@" (except a dated model version): an address or a sentence never passes as a name.
_NAME = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_.:/+\-\[\]()=,]*(?:@[0-9]{8})?")
_SAID = tuple(field.name for field in fields(Incoming) if field.compare)
_NUL, _NUL_SHOWN = "\x00", "\u2400"
_SURROGATES = re.compile("[\ud800-\udfff]")


def key_of(*parts: JSON) -> str:
    """A dedupe key: 64 lowercase hex digits, the same for the same parts on every machine and version."""
    return hashlib.sha256(canonicalize(list(parts))).hexdigest()


def body_hash(event: Incoming) -> bytes:
    """SHA-256 over everything `event` says: tells the same event sent again from another one with its key."""
    said = {name: getattr(event, name) for name in _SAID}
    if said["task"] is None:
        del said["task"]  # it came later: what was reported before it must stay the same event
    said["occurred_at"] = event.occurred_at and event.occurred_at.isoformat()
    return hashlib.sha256(canonicalize(said)).digest()


def plain_name(value: object) -> str | None:
    """`value` when it is a short plain ASCII name (fit to be kept and shown in clear), else None."""
    if isinstance(value, str) and len(value) <= MAX_NAME and _NAME.fullmatch(value):
        return value
    return None


def label(value: object) -> str | None:
    """`value` when it is one printable line (no control, direction or zero-width characters), else None."""
    if isinstance(value, str) and 0 < len(value) <= MAX_LABEL and value.isprintable():
        return value
    return None


def whole(value: object) -> int | None:
    """An integer below 2^53 in size from an integer or its decimal text (agents send both), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,16}", value):
            return None
        value = int(value)
    if isinstance(value, int) and abs(value) < MAX_INTEGER:
        return value
    return None


def rounded(value: object) -> int | None:
    """As `whole`, and a decimal text is rounded to the nearest integer (durations come as fractions)."""
    exact = whole(value)
    if exact is not None or not isinstance(value, str):
        return exact
    number = _decimal(value)
    return None if number is None else whole(int(number.to_integral_value()))


def truth(value: object) -> bool | None:
    """A truth value from a boolean or the texts `true` and `false` (Claude Code sends text), else None."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def micro_usd(value: object) -> int | None:
    """Millionths of a US dollar from a dollar amount given as integer or decimal text, else None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    number = _decimal(str(value))
    return None if number is None else whole(int((number * 1_000_000).to_integral_value()))


def decimal_text(value: float | str) -> str:
    """The shortest decimal text of a number: the same for a double and for its JSON text, never a float."""
    try:
        number = float(value)
    except ValueError:
        return str(value)
    if not isfinite(number):
        return value if isinstance(value, str) else str(number)
    exact = Decimal(repr(number)).normalize()
    return format(exact, "f") if -18 <= exact.adjusted() <= 18 else str(exact)


def clean_text(text: str) -> str:
    """`text` with what no store accepts made visible: NUL as U+2400, lone surrogates as U+FFFD."""
    return _SURROGATES.sub("\ufffd", text.replace(_NUL, _NUL_SHOWN))


def clean(value: object, depth: int = 0) -> JSON:
    """A JSON value that canonical JSON accepts; raises IngestError when nested deeper than 64 levels."""
    if depth > MAX_DEPTH:
        raise IngestError(f"nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return value if abs(value) < MAX_INTEGER else str(value)
    if isinstance(value, float):
        return decimal_text(value)
    if isinstance(value, list | tuple):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean_text(str(key)): clean(item, depth + 1) for key, item in value.items()}
    raise IngestError(f"not a JSON value: {type(value).__name__}")


def one_line(text: str, limit: int = 120) -> str:
    """`text` cut short with everything unprintable escaped, fit for a reason, a log line or a page."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in unicodedata.normalize("NFC", cut))


def _decimal(text: str) -> Decimal | None:
    if not re.fullmatch(r"-?[0-9]{1,16}(\.[0-9]{1,40})?", text):
        return None
    return Decimal(text)
