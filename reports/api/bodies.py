"""Reading the body of a report within its limits: size, compression, content type."""

from collections.abc import Collection

from django.http import HttpRequest

from portal.api.parsers import read_body
from portal.errors import InvalidInput, TooLarge, UnsupportedMedia
from reports.ingest.compressed import gunzip_bounded
from reports.ingest.incoming import BodyTooLarge, IngestError

# Both as sent and as unpacked: a gzip body may be small and stand for gigabytes.
MOST_BYTES = 10 * 1024 * 1024


def media_type(request: HttpRequest, accepted: Collection[str]) -> str:
    """The content type, one of ``accepted``; JSON is UTF-8 whatever a charset says (RFC 8259, section 8.1)."""
    kind = (request.content_type or "").lower()
    if kind not in accepted:
        raise UnsupportedMedia(f"Send {' or '.join(accepted)}, not {kind or 'an unnamed type'}. Nothing was recorded.")
    charset = str(request.content_params.get("charset", "utf-8")).lower() if request.content_params else "utf-8"
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMedia("Send UTF-8. Nothing was recorded.")
    return kind


def unpacked(request: HttpRequest) -> bytes:
    """The body without its compression, which may be gzip. Raises PortalErrors; nothing over the limit is read."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower() or "identity"
    if encoding not in {"identity", "gzip"}:
        raise UnsupportedMedia("Content-Encoding may be gzip or absent. Nothing was recorded.")
    body = read_body(request, most=MOST_BYTES)
    if encoding == "identity":
        return body
    try:
        return gunzip_bounded(body, MOST_BYTES)
    except IngestError as error:
        raise refusal(error) from error


def refusal(error: IngestError) -> TooLarge | InvalidInput:
    """The portal's error for a body that an adapter refused as a whole."""
    sentence = f"The body cannot be read: {error.detail}. Nothing was recorded."
    errors = [{"pointer": error.position, "detail": error.detail}] if error.position else []
    return (TooLarge if isinstance(error, BodyTooLarge) else InvalidInput)(sentence, errors=errors)
