"""What a text typed by a person must be before it is stored: present, not too long, without control characters."""

import re
from collections.abc import Mapping, Sequence

MOST_NAME = 80
MOST_TEXT = 2000
# Written on pages and in the record, so a line break is welcome in long text only.
_BREAKS = "\n\r\t"
MOST_LINKS = 20
MOST_URL = 500
# A page of the web: no other scheme (javascript:, data:) and no name and password before the host.
_WEB = re.compile(r"https?://[^\s/@<>\"]+(?:[/?#][^\s<>\"]*)?")


def fault_in(text: str, *, most: int, required: bool = True, lines: bool = False) -> str | None:
    """Return what is wrong with ``text`` as an ending of "it …", or None. ``lines`` allows line breaks."""
    if required and not text.strip():
        return "must not be empty"
    if len(text) > most:
        return f"must not be longer than {most} characters"
    if any(_is_control(sign) and not (lines and sign in _BREAKS) for sign in text):
        return "must not contain control characters"
    return None


def _is_control(sign: str) -> bool:
    # Surrogates cannot be written as UTF-8, and NUL cannot be stored as text by PostgreSQL.
    return ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 or 0xD800 <= ord(sign) <= 0xDFFF


def faults_in_links(links: Sequence[Mapping[str, str]]) -> list[str]:
    """Return what is wrong with an agent's links, each as a sentence; only pages of the web can be linked."""
    faults = [] if len(links) <= MOST_LINKS else [f"must not be more than {MOST_LINKS}"]
    for place, link in enumerate(links, start=1):
        label, url = link.get("label", ""), link.get("url", "")
        fault = fault_in(label, most=MOST_NAME)
        if fault:
            faults.append(f"the words of link {place} {fault}")
        if fault_in(url, most=MOST_URL) or not _WEB.fullmatch(url):
            faults.append(f"link {place} must be an address that begins with https:// or http:// and has no spaces")
    return faults
