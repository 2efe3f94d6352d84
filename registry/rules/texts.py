"""What a text typed by a person must be before it is stored: present, not too long, without control characters."""

MOST_NAME = 80
MOST_TEXT = 2000
# Written on pages and in the record, so a line break is welcome in long text only.
_BREAKS = "\n\r\t"


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
