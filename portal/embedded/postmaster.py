"""Deals with what an earlier run left behind: an orphan server, or a process id that means nothing now."""

import signal
from pathlib import Path

from portal.embedded.errors import EmbeddedError
from portal.embedded.processes import Identity, command_of, end, exists, identify

# SIGINT: fast shutdown (roll back, disconnect). SIGQUIT: immediate (recovery at the next start).
FAST_THEN_IMMEDIATE = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


def clear(data: Path) -> Identity | None:
    """End an orphan server on `data`, and remove a postmaster.pid that names somebody else.

    Returns the orphan that was ended, if there was one. The caller holds the lock on the place, so a
    server found here has lost the process that started it.
    """
    path = data / "postmaster.pid"
    pid = _pid_in(path)
    if pid is None:
        return None
    identity = identify(pid)
    if identity is None and not exists(pid):
        # Left in place: the server reads the shared memory key in it and waits for orphan backends.
        return None
    # A zombie that no parent reaps (usual in containers) counts as alive for PostgreSQL, for ever.
    if identity is None or not _serves(pid, data):
        path.unlink(missing_ok=True)
        return None
    if not end(identity, FAST_THEN_IMMEDIATE):
        raise EmbeddedError(f"A PostgreSQL left over from an earlier run (process {pid}) does not stop.")
    return identity


def _pid_in(path: Path) -> int | None:
    try:
        first = path.read_text().split("\n", 1)[0]
        return int(first)
    except (FileNotFoundError, ValueError):
        return None


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a postmaster on exactly this data directory."""
    words = command_of(pid)
    return "postgres" in words and f"-D {data} " in f"{words} "
