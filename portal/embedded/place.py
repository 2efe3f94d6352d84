"""Decides where on disk the private PostgreSQL lives, and opens only directories of ours to its account."""

import hashlib
from pathlib import Path

from portal.embedded.account import Account, may_enter

SYSTEM_PLACES = Path("/var/lib/bailiwick")


def place_for(data_dir: Path, account: Account, *, system_places: Path = SYSTEM_PLACES) -> Path:
    """The directory for the cluster of `data_dir`, created and reachable for `account`.

    Normally `data_dir/pg`. A checkout under a closed directory (root's home is 0700 on most machines) cannot
    be reached by the account we drop to; loosening a parent would open it to everybody, so the cluster then
    lives under `system_places`, under a name derived from `data_dir`.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    inside = data_dir / "pg"
    if not account.dropped:
        inside.mkdir(exist_ok=True, mode=0o700)
        return inside
    if may_enter(data_dir.parent, account):
        _let_pass(data_dir)
        inside.mkdir(exist_ok=True)
        _let_pass(inside)
        return inside
    name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    outside = system_places / name
    outside.mkdir(parents=True, exist_ok=True)
    _let_pass(system_places)
    _let_pass(outside)
    return outside


def _let_pass(directory: Path) -> None:
    """Allow others to pass through a directory of ours, without letting them list it."""
    mode = directory.stat().st_mode & 0o777
    if not mode & 0o001:
        directory.chmod(mode | 0o001)
