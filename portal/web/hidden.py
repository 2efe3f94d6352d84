"""Makes visible what a reader would miss: control, format, bidirectional and look-alike space characters."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

_PLAIN: Final = frozenset("\n\t")
_SUSPECT: Final = re.compile(r"([^\n\t -~])\1*")
# Cc control, Cf format (zero width, bidi: the "trojan source" family), Co private, Cs surrogate, Cn unassigned.
_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def is_hidden(character: str) -> bool:
    """Whether a reader could overlook ``character`` or take it for another; plain space, tab and newline are not."""
    if character in _PLAIN or character == " ":
        return False
    category = unicodedata.category(character)
    return category in _CATEGORIES or category == "Zs"


def marked(text: str) -> SafeString:
    """``text`` as HTML with hidden characters replaced by marks: code point, name, and how many of it stand there."""
    # Nothing that escaping writes is hidden, so the marks can be put into the escaped text.
    return mark_safe(_SUSPECT.sub(_shown, escape(text)))  # noqa: S308 (escaped on this line)


def _shown(found: re.Match[str]) -> str:
    times = len(found[0])
    # A line that is too narrow breaks before the sign, never between it and its number.
    return _mark(found[1], format_html(" ×&nbsp;{}", f"{times:,}") if times > 1 else "") or found[0]


@lru_cache(maxsize=4096)
def _mark(character: str, times: str) -> str:
    if not is_hidden(character):
        return ""
    code, name = f"U+{ord(character):04X}", unicodedata.name(character, "control character")
    return format_html('<mark class="hidden-mark" title="{}">{}{}</mark>', f"{code} {name}", code, times)


def count_hidden(text: str) -> int:
    """How many hidden characters ``text`` has."""
    return sum(1 for character in text if is_hidden(character))
