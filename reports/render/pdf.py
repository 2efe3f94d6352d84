"""Turns the report's HTML into a tagged, archival PDF; the only module that imports WeasyPrint.

Nothing is ever fetched: the fetcher knows our own style sheet and fonts by name and refuses everything else.
"""

import gc
import hashlib
import io
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import weasyprint
from django.conf import settings
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

# Tagged, Unicode, with embedded fonts: see docs/decisions, "The report is PDF/A-3a".
VARIANT = "pdf/a-3a"
# The reserved name of RFC 2606 resolves nowhere, so a slip could not leave the machine either.
_ROOT = "https://static.invalid/"
STYLESHEET = "css/pdf.css"
_TYPES = {".css": "text/css", ".woff2": "font/woff2"}


class StaticOnly(URLFetcher):  # type: ignore[misc]
    """Serves ``static/css/pdf.css`` and ``static/fonts/*.woff2``; refuses every other address."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        path = allowed_file(url)
        if path is None:
            raise ValueError("The report may not fetch anything.")
        try:
            body = path.read_bytes()
        except OSError as error:
            raise FatalURLFetchingError(f"A file of the report's own is missing: {path.name}") from error
        return URLFetcherResponse(url, body, {"Content-Type": _TYPES[path.suffix]})


def allowed_file(url: str) -> Path | None:
    """The file behind an address of ours, None for anything else."""
    if not url.startswith(_ROOT):
        return None
    name = url.removeprefix(_ROOT)
    folder, _, file = name.partition("/")
    is_font = folder == "fonts" and "/" not in file and file.endswith(".woff2")
    if name != STYLESHEET and not is_font:
        return None
    base: Path = settings.BASE_DIR
    return base / "static" / name


def render_pdf(html: str, *, identity: str, on_page: Callable[[int], None] = lambda _page: None) -> bytes:
    """The PDF of ``html``; the same html and identity give the same bytes on the same fonts and versions.

    ``identity`` becomes the PDF's file identifier, which is random otherwise. Dates come from the html's
    dcterms meta elements. ``on_page`` is told the number of each page that was laid out.
    """
    fonts = FontConfiguration()
    fetcher = StaticOnly(allowed_protocols=("https",), allow_redirects=False)
    out = io.BytesIO()
    with _collector_off(), _fixed_font_dates(), _counting_pages(on_page):
        sheet = weasyprint.CSS(url=_ROOT + STYLESHEET, url_fetcher=fetcher, font_config=fonts)
        document = weasyprint.HTML(string=html, base_url=_ROOT, url_fetcher=fetcher)
        document.write_pdf(
            out,
            stylesheets=[sheet],
            font_config=fonts,
            pdf_variant=VARIANT,
            pdf_identifier=hashlib.sha256(identity.encode()).digest()[:16],
        )
    return out.getvalue()


@contextmanager
def _collector_off() -> Iterator[None]:
    """Layout makes millions of objects that live to the end; collecting among them costs half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _fixed_font_dates() -> Iterator[None]:
    """fontTools stamps the fonts that it cuts to size with the time of day, unless it is told another."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = "315532800"  # 1980-01-01, as in the ZIP
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


class _PageCount(logging.Handler):
    """Reads the page numbers out of WeasyPrint's progress messages, the only place where it tells them."""

    def __init__(self, on_page: Callable[[int], None]) -> None:
        super().__init__(logging.INFO)
        self.on_page = on_page

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"Page (\d+)$", record.getMessage())
        if found:
            self.on_page(int(found[1]))


@contextmanager
def _counting_pages(on_page: Callable[[int], None]) -> Iterator[None]:
    progress = logging.getLogger("weasyprint.progress")
    handler, before = _PageCount(on_page), (progress.level, progress.propagate)
    progress.addHandler(handler)
    progress.setLevel(logging.INFO)
    progress.propagate = False
    # A line for every glyph table of every font says nothing to an operator.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    try:
        yield
    finally:
        progress.removeHandler(handler)
        progress.setLevel(before[0])
        progress.propagate = before[1]
