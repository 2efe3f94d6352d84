"""The permission matrix: one row for every route of the portal, and what each kind of person gets from it.

Each app keeps its rows in ``tests/<app>/matrix.py`` as ``MATRIX: dict[str, Row]``, keyed by the route's name
with its namespaces (``registry:agent``), or by its pattern where it has none (``confirm-email/``).
"""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.organisation import Organisation

PERSONAS = ("anonymous", "outsider", "member", "manager", "approver", "security", "auditor", "operator")
Arguments = Mapping[str, Any] | Callable[[Organisation], Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """What a route answers.

    ``get`` maps a persona to the status of a plain GET and must name all of ``PERSONAS`` (use ``who``).
    ``arguments`` are the route's keyword arguments, or make them (and the things they name) from the
    organisation. ``query`` is appended to the path. ``machine``: the route authenticates by a token in a
    header, so a POST without a CSRF token is not refused for that reason.
    """

    get: Mapping[str, int]
    arguments: Arguments = field(default_factory=dict)
    query: str = ""
    machine: bool = False


def who(everyone: int, *, anonymous: int = 302, **others: int) -> dict[str, int]:
    """``who(200, outsider=404)``: 200 for every signed-in persona but those named; 302 (sign in) for nobody."""
    unknown = set(others) - set(PERSONAS)
    if unknown:
        raise ValueError(f"no such personas: {sorted(unknown)}")
    return {**dict.fromkeys(PERSONAS, everyone), "anonymous": anonymous, **others}


def only(*personas: str, status: int = 200, others: int = 403, anonymous: int = 302) -> dict[str, int]:
    """``only("operator")``: ``status`` for those named, ``others`` for the rest of the signed-in."""
    return who(others, anonymous=anonymous, **dict.fromkeys(personas, status))


def routes() -> dict[str, URLPattern]:
    """Every route of the project by its key."""
    return {key: pattern for key, (_, pattern) in _walk_paths(get_resolver().url_patterns, "", "")}


def full_paths() -> dict[str, str]:
    """The path template of every named route as OpenAPI writes it: ``api/v1/teams/{slug}``."""
    found = {}
    for key, (path, _) in _walk_paths(get_resolver().url_patterns, "", ""):
        found[key] = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
    return found


def rows() -> dict[str, Row]:
    """The rows of every ``tests/<app>/matrix.py``."""
    found: dict[str, Row] = {}
    for path in sorted(Path(__file__).parent.glob("*/matrix.py")):
        table: dict[str, Row] = importlib.import_module(f"tests.{path.parent.name}.matrix").MATRIX
        doubled = found.keys() & table.keys()
        if doubled:
            raise ValueError(f"two rows for {sorted(doubled)}")
        found |= table
    return found


def address(key: str, row: Row, organisation: Organisation) -> str:
    """The path to ask for."""
    arguments = row.arguments(organisation) if callable(row.arguments) else row.arguments
    if key not in _unnamed():
        return reverse(key, kwargs=dict(arguments)) + row.query
    return "/" + _unnamed()[key].format(**arguments) + row.query


def _walk_paths(patterns: list[Any], namespace: str, before: str) -> Iterator[tuple[str, tuple[str, URLPattern]]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk_paths(pattern.url_patterns, inner, path)
        else:
            key = f"{namespace}{pattern.name}" if pattern.name else str(pattern.pattern)
            yield key, (path, pattern)


def _unnamed() -> dict[str, str]:
    """Where routes without a name are; only allauth's pages that we do not offer."""
    return {
        "email/": "accounts/email/",
        "confirm-email/": "accounts/confirm-email/",
        "confirm-email/<str:key>/": "accounts/confirm-email/{key}/",
    }
