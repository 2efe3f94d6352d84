"""Makes visible what a reader would miss: control, format, bidirectional and look-alike space characters."""

import unicodedata
from typing import Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

_PLAIN: Final = frozenset("\n\t")
# Cc control, Cf format (zero width, bidi: the "trojan source" family), Co private, Cs surrogate, Cn unassigned.
_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def is_hidden(character: str) -> bool:
    """Whether a reader could overlook ``character`` or take it for another; plain space, tab and newline are not."""
    if character in _PLAIN or character == " ":
        return False
    category = unicodedata.category(character)
    return category in _CATEGORIES or category == "Zs"


def marked(text: str) -> SafeString:
    """``text`` as HTML with every hidden character replaced by a mark that gives its code point and name."""
    if text.isascii() and text.isprintable():
        return mark_safe(escape(text))  # noqa: S308 (escaped on this line)
    parts: list[str] = []
    plain: list[str] = []
    for character in text:
        if not is_hidden(character):
            plain.append(character)
            continue
        parts.append(escape("".join(plain)))
        plain.clear()
        name = unicodedata.name(character, "control character")
        code = f"U+{ord(character):04X}"
        parts.append(format_html('<mark class="hidden-mark" title="{}">{}</mark>', f"{code} {name}", code))
    parts.append(escape("".join(plain)))
    return mark_safe("".join(parts))  # noqa: S308 (every part is escaped above)


def count_hidden(text: str) -> int:
    """How many hidden characters ``text`` has."""
    return sum(1 for character in text if is_hidden(character))
