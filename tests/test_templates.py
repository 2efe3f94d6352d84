"""Every template of ours compiles: a typo in a page nobody has opened yet is found here."""

from pathlib import Path

import pytest
from django.template import engines
from django.template.backends.django import DjangoTemplates

ROOT = Path(__file__).resolve().parent.parent
PLACES = [ROOT / "templates", *ROOT.glob("*/templates"), *ROOT.glob("portal/*/templates")]
NAMES = sorted({str(path.relative_to(place)) for place in PLACES for path in place.rglob("*.*")})


def test_there_are_templates() -> None:
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_template_compiles(name: str) -> None:
    engine = engines["django"]
    assert isinstance(engine, DjangoTemplates)
    engine.get_template(name)
