"""Undoes gzip within a limit, so that a small body cannot become a huge one."""

import zlib

from reports.ingest.incoming import BodyTooLarge, IngestError

_GZIP = 16 + zlib.MAX_WBITS
_MAX_MEMBERS = 16  # each member costs a copy of the rest; thousands of empty ones would take quadratic time


def gunzip_bounded(data: bytes, limit: int) -> bytes:
    """The bytes a gzip body (RFC 1952, one to 16 members) stands for, at most `limit` of them.

    Raises BodyTooLarge as soon as the limit is passed, without producing the rest, and IngestError when the
    body is not gzip, is cut short or has anything after its last member.
    """
    parts: list[bytes] = []
    room = limit
    rest = data
    while rest or not parts:
        if len(parts) == _MAX_MEMBERS:
            raise BodyTooLarge(f"the gzip body has more than {_MAX_MEMBERS} members")
        stream = zlib.decompressobj(_GZIP)
        try:
            part = stream.decompress(rest, room + 1)
        except zlib.error as error:
            raise IngestError("the body is not valid gzip") from error
        if len(part) > room:
            raise BodyTooLarge(f"the body is larger than {limit} bytes once decompressed")
        if not stream.eof:
            raise IngestError("the gzip body is cut short")
        parts.append(part)
        room -= len(part)
        rest = stream.unused_data
    return b"".join(parts)
