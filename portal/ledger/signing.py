"""The private keys: files outside the database, made once, read by the process that signs."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from django.conf import settings

from portal.ledger.rules.note import Signer

KeyRole = Literal["log", "package", "stop", "grant"]
# What stands after the log's origin in the name of each key.
_NAMES: dict[str, str] = {"log": "", "package": "/packages", "stop": "/stops", "grant": "/grants"}


def key_path(name: str) -> Path:
    directory: Path = settings.BAILIWICK_KEY_DIR
    return directory / f"{name}.key"


def create_keys_if_missing() -> list[Path]:
    """Make the C2SP signer keys of all roles and ``content.key`` (32 bytes) where they are missing; return new ones."""
    key_path("log").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    origin = settings.BAILIWICK_LOG_ORIGIN
    made = []
    for name in (*_NAMES, "content"):
        path = key_path(name)
        if not path.exists():
            # O_EXCL: two first starts must not end with two halves of different keys.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_new_key(name, origin))
            made.append(path)
    return made


def _new_key(name: str, origin: str) -> bytes:
    if name == "content":
        return os.urandom(32)
    return Signer.generate(f"{origin}{_NAMES[name]}").private_text().encode()


def load_signer(role: KeyRole) -> Signer:
    return Signer.from_private_text(key_path(role).read_text(encoding="ascii").strip())


@lru_cache(maxsize=1)
def content_key() -> bytes:
    key = key_path("content").read_bytes()
    if len(key) != 32:
        raise ValueError(f"{key_path('content')} must hold exactly 32 bytes, it holds {len(key)}.")
    return key
