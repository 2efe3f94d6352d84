"""Makes text that an agent or a person typed safe to print: markup is text, hidden characters are marked."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from approvals.rules.view import Kind, mark_hidden

# A text beyond this is not printed in part, which could mislead, but named by its digest.
LONGEST = 60_000
Line = tuple[str, SafeString]


def inert(text: object) -> SafeString:
    """Escaped, with every escape sequence, hidden or look-alike character replaced by a visible label."""
    whole = str(text)
    if whole.isascii() and whole.isprintable():
        return mark_safe(escape(whole))  # noqa: S308 (escaped on this line)
    parts = [
        escape(segment.text)
        if segment.kind is Kind.TEXT
        else format_html('<span class="hidden-mark">{}</span>', segment.label)
        for segment in mark_hidden(whole)
    ]
    return mark_safe("".join(parts))  # noqa: S308 (every part is escaped above)


class Printer:
    """Inert text within a budget, so that no amount of recorded text can make the report unbuildable."""

    def __init__(self, budget: int = 3_000_000) -> None:
        self.left = budget

    def text(self, text: object, *, where: str = "disclosures.jsonl") -> SafeString:
        whole = str(text)
        if len(whole) > LONGEST or len(whole) > self.left:
            digest = hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()
            return format_html(
                '<span class="too-long">{} characters, too long to print; whole in {}. SHA-256 {}</span>',
                f"{len(whole):,}",
                where,
                digest,
            )
        self.left -= len(whole)
        return inert(whole)

    def lines(self, document: Any) -> list[Line]:
        """A JSON document as (path, text) lines in its own order; nothing is left out."""
        return [(path, self.text(value)) for path, value in _flat(document, ())]


def _flat(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, (*at, str(key).replace("_", " ")))
        return
    if isinstance(value, list) and value:
        if all(isinstance(item, str) for item in value):
            yield " › ".join(at), "\n".join(value)
            return
        for number, inner in enumerate(value, start=1):
            yield from _flat(inner, (*at, str(number)))
        return
    yield " › ".join(at), _word(value)


def _word(value: Any) -> str:
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
