"""Inline pictograms: reads ``static/icons/*.svg`` once and gives them out as SVG that inherits colour and size."""

import re
from functools import cache
from pathlib import Path

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

FOLDER = Path(__file__).resolve().parents[2] / "static" / "icons"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_SHAPES = re.compile(r"<svg[^>]*>(.*?)</svg>", re.DOTALL)


@cache
def shapes(name: str) -> str:
    """The drawing inside the file ``name``.svg; raises ValueError when there is none."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not an icon name: {name!r}")
    try:
        text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise ValueError(f"no icon {name!r} in static/icons") from missing
    found = _SHAPES.search(text)
    if found is None:
        raise ValueError(f"static/icons/{name}.svg holds no drawing")
    return re.sub(r">\s+<", "><", found.group(1).strip())


def icon(name: str, *, label: str = "", extra_class: str = "") -> SafeString:
    """An icon as inline SVG: hidden from assistive technology unless ``label`` names it."""
    # The files are part of the product, never a visitor's: their markup is trusted.
    drawing = mark_safe(shapes(name))  # noqa: S308
    spoken = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" focusable="false" {}>{}</svg>',
        f" {extra_class}" if extra_class else "",
        spoken,
        drawing,
    )
