"""Creates the data directory of the private PostgreSQL, and refuses one written by another major version."""

import json
import secrets
import shutil
from pathlib import Path

from portal.embedded.account import Account
from portal.embedded.binaries import MAJOR, Binaries
from portal.embedded.errors import EmbeddedError, WrongVersionError
from portal.embedded.files import write_private

SUPER = "bailiwick_super"
OWNER = "bailiwick_owner"
APP = "bailiwick_app"
ROLES = (SUPER, OWNER, APP)


def passwords(place: Path) -> dict[str, str]:
    """The generated password of each role, kept in `place/passwords.json` with mode 0600."""
    path = place / "passwords.json"
    if path.exists():
        return {str(role): str(word) for role, word in json.loads(path.read_text()).items()}
    if (place / "data" / "PG_VERSION").exists():
        raise EmbeddedError(
            f"{path} is missing, so nobody can sign in to the database in {place / 'data'}. "
            "Restore that file from your backup."
        )
    words = {role: secrets.token_hex(24) for role in ROLES}
    write_private(path, json.dumps(words, indent=2) + "\n")
    return words


def ensure_data(place: Path, *, binaries: Binaries, account: Account, password: str, fast: bool) -> Path:
    """The data directory below `place`, made by initdb when there is none.

    Raises WrongVersionError for data of another major version, EmbeddedError when initdb fails.
    """
    data = place / "data"
    marker = data / "PG_VERSION"
    if data.exists():
        _require_version(marker)
        return data
    unfinished = place / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.give(unfinished)
    _initdb(unfinished, binaries=binaries, account=account, password=password, fast=fast)
    unfinished.rename(data)
    return data


def _require_version(marker: Path) -> None:
    try:
        found = marker.read_text().strip()
    except FileNotFoundError:
        found = "an unknown version"
    if found != MAJOR:
        raise WrongVersionError(
            f"The database in {marker.parent} was written by PostgreSQL {found}; this release carries "
            f"PostgreSQL {MAJOR} and will not touch it. Dump it with the release that wrote it (pg_dump), "
            "move the directory away, start again and restore the dump; or run pg_upgrade."
        )


def _initdb(data: Path, *, binaries: Binaries, account: Account, password: str, fast: bool) -> None:
    """The builtin provider sorts by code point on every machine, whatever locales its C library has."""
    word = data.parent / "initdb.password"
    write_private(word, password + "\n")
    account.give(word)
    try:
        made = binaries.run(
            "initdb",
            f"--pgdata={data}",
            f"--username={SUPER}",
            f"--pwfile={word}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *(["--no-sync"] if fast else []),
            account=account,
            cwd=data.parent,
        )
    except OSError as refused:
        raise EmbeddedError(f"initdb could not be started as {account.name}: {refused}") from refused
    finally:
        word.unlink(missing_ok=True)
    if made.returncode != 0:
        raise EmbeddedError(f"initdb failed:\n{made.stdout}{made.stderr}".rstrip())
