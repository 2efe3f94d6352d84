"""Reading a JSON body strictly: what two parsers could read differently is refused."""

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from portal.errors import InvalidInput, TooLarge, UnsupportedMedia
from portal.ledger.rules.canonical import CanonicalError, parse_strict

MOST_BYTES = 1024 * 1024


def read_body(request: HttpRequest, *, most: int = MOST_BYTES) -> bytes:
    """The body, refused with 413 above ``most`` bytes before it is read into memory."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise InvalidInput("Content-Length is not a number; nothing was read.") from error
    if length > most:
        raise TooLarge(f"The body has {length} bytes; {most} are accepted. Nothing was read.")
    body = request.read(most + 1)
    if len(body) > most:
        raise TooLarge(f"The body has more than the {most} bytes that are accepted. Nothing was recorded.")
    return body


def strict_json(body: bytes) -> Any:
    """The value of a JSON text; duplicate keys, NaN, NUL, lone surrogates and deep nesting are refused."""
    try:
        return parse_strict(body)
    except CanonicalError as error:
        raise InvalidInput(
            f"The body is not acceptable JSON: {error}. Nothing was done.",
            errors=[{"pointer": getattr(error, "pointer", "") or "/", "detail": str(error)}],
        ) from error


def json_object(request: HttpRequest, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """The body as a JSON object, for the plain views."""
    kind = (request.content_type or "").lower()
    if kind != "application/json":
        raise UnsupportedMedia(f"Send application/json, not {kind or 'an unnamed type'}. Nothing was done.")
    value = strict_json(read_body(request, most=most))
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object. Nothing was done.")
    return value


class StrictJSONParser(BaseParser):
    """DRF's parser for application/json with the same strictness as the hot paths."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise TooLarge(f"The body has more than the {MOST_BYTES} bytes that are accepted. Nothing was done.")
        return strict_json(body)
