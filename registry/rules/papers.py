"""What an agent's papers may be: kinds of file, their size, and when somebody must look again."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

MOST_BYTES = 5 * 1024 * 1024
MOST_FILE_NAME = 150
# How long before its date a paper is called to mind.
NOTICE = timedelta(days=30)

# A file is what its ending says, and must look like it. Nothing of it is ever shown by the portal itself.
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {"pdf": "application/pdf", "md": "text/markdown", "txt": "text/plain", "html": "text/html"}
)
_UNSAFE = re.compile(r'[/\\:*?"<>|;%]')


class PaperStatus(StrEnum):
    """How the newest version of a paper stands today."""

    GOOD = "good"
    EXPIRING = "expiring"
    EXPIRED = "expired"


def status_of(expires_on: date | None, today: date) -> PaperStatus:
    """Return whether a paper holds, must be looked at soon, or has run out: on its date it still holds."""
    if expires_on is None or expires_on - NOTICE > today:
        return PaperStatus.GOOD
    return PaperStatus.EXPIRED if expires_on < today else PaperStatus.EXPIRING


def safe_file_name(name: str) -> str:
    """Return the last part of a file's name without signs that a system or a header could misread."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    cleaned = _UNSAFE.sub("_", shown).strip(" .")
    stem, dot, ending = cleaned.rpartition(".")
    return f"{stem[: MOST_FILE_NAME - len(ending) - 1]}{dot}{ending}" if dot else cleaned[:MOST_FILE_NAME]


def media_type_of(file_name: str) -> str | None:
    """Return the media type that a file's ending stands for, or None when such files are not kept."""
    return MEDIA_TYPES.get(file_name.rpartition(".")[2].lower()) if "." in file_name.strip(".") else None


def fault_in_content(content: bytes, media_type: str) -> str | None:
    """Return what is wrong with a file's bytes as an ending of "it …", or None."""
    if not content:
        return "is empty"
    if len(content) > MOST_BYTES:
        return f"has {len(content):,} bytes; {MOST_BYTES // (1024 * 1024)} MB are kept"
    if media_type == "application/pdf":
        # Readers look for the header in the first kilobyte.
        return None if b"%PDF-" in content[:1024] else "does not look like a PDF"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "is not text in UTF-8"
    return "holds a NUL character, so it is not text" if "\0" in text else None
