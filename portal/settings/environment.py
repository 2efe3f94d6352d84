"""Reading the environment: the only place that knows how a setting is spelled outside."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


def text(name: str, default: str = "") -> str:
    """The value of ``BAILIWICK_<name>``, or of the file named by ``BAILIWICK_<name>_FILE``."""
    path = os.environ.get(f"BAILIWICK_{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(f"BAILIWICK_{name}", default)


def flag(name: str, *, default: bool = False) -> bool:
    return text(name, "1" if default else "").lower() in {"1", "true", "yes", "on"}


def items(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def database(url: str) -> dict[str, Any]:
    """A Django database entry from ``postgresql://user:password@host:port/name?host=/socket/dir``."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "ENGINE": "portal.database",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or query.get("port", [""])[0]),
    }
