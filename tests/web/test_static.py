"""What the content policy forbids is not in the templates, what they name exists, and the fonts stay small."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "emails" not in path.parts and "pdf" not in path.parts]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\son(?!e=)[a-z]+\s*=\s*[\"']", text)
    assert not re.search(r"hx-on|[\"']js:", text)
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_icons_static_files_and_components_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"{%\s*icon \"([^\"]+)\"", text):
        assert (ROOT / "static" / "icons" / f"{name}.svg").is_file(), name
    for name in re.findall(r"{%\s*include \"(components/[^\"]+)\"", text):
        assert (ROOT / "templates" / name).is_file(), name
    for name in re.findall(r"{%\s*static '((?:css|js|fonts|icons)/[^']+)'", text):
        assert (ROOT / "static" / name).is_file(), name


def test_fonts_are_small_and_licensed() -> None:
    fonts = ROOT / "static" / "fonts"
    assert sum(path.stat().st_size for path in fonts.glob("*.woff2")) < 300_000
    assert all("SIL Open Font License" in path.read_text() for path in fonts.glob("LICENSE*"))
    assert len(list(fonts.glob("LICENSE*"))) == 2


def test_style_sheets_name_only_fonts_that_are_here() -> None:
    for sheet in (ROOT / "static" / "css").glob("*.css"):
        for name in re.findall(r"url\(\"([^\"]+)\"\)", sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / name).resolve().is_file(), name
        assert "http" not in re.sub(r"/\*.*?\*/|\[href\^=\"http\"\]", "", sheet.read_text(encoding="utf-8"))
