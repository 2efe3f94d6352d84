"""Decides which account PostgreSQL runs under: ourselves, or an unprivileged one when we are root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from portal.embedded.errors import EmbeddedError

CANDIDATES = ("postgres", "nobody")


class PopenIdentity(TypedDict, total=False):
    """The keyword arguments of `subprocess` that drop privileges; empty when there is nothing to drop."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """An operating-system account. `dropped` tells whether a child has to change to it."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def popen(self) -> PopenIdentity:
        if not self.dropped:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Hand a file or directory to this account; nothing to do when it is already ours."""
        if self.dropped:
            os.chown(path, self.uid, self.gid)


def database_account(candidates: tuple[str, ...] = CANDIDATES) -> Account:
    """The account for PostgreSQL, which refuses to run as root.

    No account is created: changing the machine's user list is not ours to do.
    Raises EmbeddedError when we are root and the machine has none of `candidates`.
    """
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), dropped=False)
    for name in candidates:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and this machine has neither an account named "
        f"{' nor one named '.join(candidates)}. Run as an ordinary user, or create one of these accounts."
    )


def may_enter(directory: Path, account: Account) -> bool:
    """Whether the account can reach `directory` through every one of its parents (mode bits, no ACLs)."""
    resolved = directory.resolve()
    return all(_may_traverse(step, account) for step in (resolved, *resolved.parents))


def _may_traverse(directory: Path, account: Account) -> bool:
    try:
        status = directory.stat()
    except OSError:
        return False
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
