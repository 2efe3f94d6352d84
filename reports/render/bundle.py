"""Writes an audit package: a ZIP whose every byte follows from the names and contents of its files.

All members are STORED, sorted by name, dated 1980-01-01, without comments, descriptors or extra fields other
than ZIP64's. A verifier can therefore rebuild every header and compare, instead of trusting a ZIP library.
The layout is specified in docs/verify.md, section 2.
"""

import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from portal.ledger.rules.canonical import canonicalize

FORMAT = "bailiwick-package/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
SIGNED_TEXT = "bailiwick.package/v1"
# Larger values go to ZIP64 fields. APPNOTE allows 2^32 - 2, but readers with signed integers fail at 2^31.
LIMIT = 0x7FFFFFFF
MAX_MEMBERS = 10_000
DATE = 0x0021  # 1980-01-01, the earliest a ZIP can say
MODE = 0o100644 << 16
PIECE = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*", re.ASCII)

Content = Path | bytes


class BundleError(ValueError):
    """Files that cannot become a package, or that changed while it was written."""


@dataclass(frozen=True)
class FileDigest:
    sha256: str
    bytes: int
    crc32: int


@dataclass(frozen=True)
class Digests:
    """Of the whole archive, and of each file in it."""

    sha256: str
    bytes: int
    files: Mapping[str, FileDigest]


def digest(content: Content) -> FileDigest:
    whole, crc, size = sha256(), 0, 0
    for piece in _pieces(content):
        whole.update(piece)
        crc = zlib.crc32(piece, crc)
        size += len(piece)
    return FileDigest(whole.hexdigest(), size, crc)


def build_manifest(
    *,
    number: str,
    title: str,
    period: tuple[str, str],
    scope: str,
    created_at: str,
    origin: str,
    checkpoint: tuple[int, bytes],
    log_range: tuple[int, int],
    entries: int,
    files: Mapping[str, FileDigest],
) -> bytes:
    """The canonical bytes of manifest.json.

    Times are RFC 3339 UTC with microseconds; ``period`` is [start, end), ``log_range`` [first, last_exclusive),
    ``checkpoint`` (size, root). A package without entries says ``"empty":true``, and only such a one does.
    """
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "number": number,
        "title": title,
        "period": {"start": period[0], "end": period[1]},
        "scope": scope,
        "created_at": created_at,
        "origin": origin,
        "checkpoint": {"size": checkpoint[0], "root": checkpoint[1].hex()},
        "range": {"first": log_range[0], "last_exclusive": log_range[1]},
        "entries": entries,
        "files": {name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in files.items()},
    }
    if entries == 0:
        manifest["empty"] = True
    return canonicalize(manifest)


def manifest_text(manifest: bytes) -> str:
    """The text that the package key signs; the note over it is manifest.sig."""
    return f"{SIGNED_TEXT}\n{sha256(manifest).hexdigest()}\n"


def write_bundle(
    target: Path, files: Mapping[str, Content], *, known: Mapping[str, FileDigest] | None = None
) -> Digests:
    """Write ``files`` (name → path or bytes) as one package to ``target``, whole or not at all.

    ``known`` holds digests already taken (for the manifest), so that large files are not read three times.
    Memory stays flat: files are read in pieces. Raises BundleError.
    """
    names = sorted(files)
    _require_names(names)
    known = known or {}
    digests = {name: known.get(name) or digest(files[name]) for name in names}
    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("wb") as raw:
            out = _Measured(raw)
            _write_members(out, files, digests)
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Digests(out.hash.hexdigest(), out.size, digests)


class _Measured:
    """A file being written, with its length and digest so far."""

    def __init__(self, raw: IO[bytes]) -> None:
        self.raw = raw
        self.size = 0
        self.hash = sha256()

    def write(self, data: bytes) -> None:
        self.raw.write(data)
        self.hash.update(data)
        self.size += len(data)


def _write_members(out: _Measured, files: Mapping[str, Content], digests: Mapping[str, FileDigest]) -> None:
    directory = []
    for name, file in digests.items():
        directory.append(_central_header(name, file, offset=out.size))
        out.write(_local_header(name, file))
        crc, size = 0, 0
        for piece in _pieces(files[name]):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            out.write(piece)
        if (crc, size) != (file.crc32, file.bytes):
            raise BundleError(f"{name} changed while the package was written")
    start = out.size
    for header in directory:
        out.write(header)
    out.write(_end(len(directory), size=out.size - start, offset=start))


def _local_header(name: str, file: FileDigest) -> bytes:
    large = file.bytes > LIMIT
    extra = struct.pack("<HHQQ", 1, 16, file.bytes, file.bytes) if large else b""
    size = 0xFFFFFFFF if large else file.bytes
    fields = (45 if large else 20, 0, 0, 0, DATE, file.crc32, size, size, len(name), len(extra))
    return b"PK\3\4" + struct.pack("<5H3L2H", *fields) + name.encode("ascii") + extra


def _central_header(name: str, file: FileDigest, *, offset: int) -> bytes:
    large, far = file.bytes > LIMIT, offset > LIMIT
    numbers = [file.bytes, file.bytes] * large + [offset] * far
    extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    version, size = 45 if numbers else 20, 0xFFFFFFFF if large else file.bytes
    # Made by: 3 is Unix, so that the mode in the external attributes means something.
    head = (3 << 8 | version, version, 0, 0, 0, DATE, file.crc32, size, size, len(name), len(extra))
    tail = (0, 0, 0, MODE, 0xFFFFFFFF if far else offset)
    return b"PK\1\2" + struct.pack("<6H3L2H", *head) + struct.pack("<3H2L", *tail) + name.encode("ascii") + extra


def _end(count: int, *, size: int, offset: int) -> bytes:
    far = offset > LIMIT
    zip64 = b""
    if far:
        record = (44, 3 << 8 | 45, 45, 0, 0, count, count, size, offset)
        zip64 = b"PK\6\6" + struct.pack("<QHHLL4Q", *record)
        zip64 += b"PK\6\7" + struct.pack("<LQL", 0, offset + size, 1)
    last = (0, 0, count, count, size, 0xFFFFFFFF if far else offset, 0)
    return zip64 + b"PK\5\6" + struct.pack("<4HLLH", *last)


def _require_names(names: list[str]) -> None:
    if not 0 < len(names) <= MAX_MEMBERS:
        raise BundleError(f"a package has 1 to {MAX_MEMBERS} files")
    if len({name.lower() for name in names}) != len(names):
        raise BundleError("two names differ in case only: they would be one file on some systems")
    for name in names:
        if not _NAME.fullmatch(name) or len(name) > 200:
            raise BundleError(f"{name!r} cannot be a name in a package")


def _pieces(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
