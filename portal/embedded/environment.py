"""Reads how this machine wants to be run, and builds the environment that every child process gets."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.errors import EmbeddedError
from portal.embedded.ports import HOST, first_free, is_free
from portal.embedded.postgres import START_SECONDS, Urls

ROOT = Path(__file__).resolve().parent.parent.parent
_FIRST_PORT = 8800


@dataclass(frozen=True)
class Settings:
    """The choices of one run. `database_url` is set when the operator brings a PostgreSQL of their own."""

    data_dir: Path
    host: str
    port: int | None
    detach: bool
    database_url: str
    postgres_start_seconds: float

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"


def read_settings() -> Settings:
    """The settings from BAILIWICK_* variables; raises EmbeddedError for a value that is no number."""
    return Settings(
        data_dir=Path(os.environ.get("BAILIWICK_DATA_DIR") or ROOT / "var").resolve(),
        host=os.environ.get("BAILIWICK_HOST") or HOST,
        port=_number("BAILIWICK_PORT"),
        detach=os.environ.get("BAILIWICK_DETACH", "").lower() in {"1", "true", "yes", "on"},
        database_url=os.environ.get("BAILIWICK_DATABASE_URL", ""),
        postgres_start_seconds=float(_number("BAILIWICK_POSTGRES_START_SECONDS") or START_SECONDS),
    )


def _number(name: str) -> int | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal():
        raise EmbeddedError(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def choose_port(settings: Settings) -> int:
    """The port asked for, which must be free, else the first free one from 8800."""
    if settings.port is None:
        return first_free(_FIRST_PORT, host=settings.host)
    if not is_free(settings.port, settings.host):
        raise EmbeddedError(f"Port {settings.port} (BAILIWICK_PORT) is already in use.")
    return settings.port


def address(settings: Settings, port: int) -> str:
    """The address to open in a browser on this machine."""
    host = HOST if settings.host in {"0.0.0.0", "::", ""} else settings.host  # noqa: S104 -- compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def child_environment(settings: Settings, *, port: int, urls: Urls | None) -> dict[str, str]:
    """What web, worker and beat see: the app's URL. The owner's URL is only for `upgrade`."""
    environment = {name: value for name, value in os.environ.items() if name != "BAILIWICK_DETACH"}
    environment.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.dev")
    environment.setdefault("BAILIWICK_BASE_URL", address(settings, port))
    environment["BAILIWICK_DATA_DIR"] = str(settings.data_dir)
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment.pop("BAILIWICK_DATABASE_OWNER_URL", None)
    if urls is not None:
        environment["BAILIWICK_DATABASE_URL"] = urls.app
    return environment


def owner_environment(environment: dict[str, str], *, urls: Urls | None) -> dict[str, str]:
    """The same with the owner's URL, for `manage.py upgrade`."""
    owner = urls.owner if urls is not None else os.environ.get("BAILIWICK_DATABASE_OWNER_URL", "")
    return {**environment, "BAILIWICK_DATABASE_OWNER_URL": owner} if owner else dict(environment)


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *arguments]
