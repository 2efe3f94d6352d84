"""Recognises and ends processes by identity, so that a recycled process id is never taken for one of ours."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process id together with the moment it started; the pair is not reused while a machine is up."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """Who has this process id now; None when nobody has, or only a zombie."""
    if pid <= 0:
        return None
    if (_PROC / "self" / "stat").exists():
        return _identify_by_proc(pid)
    return _identify_by_ps(pid)


def _identify_by_proc(pid: int) -> Identity | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    # The second field, the name, may hold spaces and brackets: count from the last closing bracket (proc(5)).
    fields = text.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    if state in {"Z", "X"}:
        return None
    return Identity(pid=pid, started=f"{_boot()}:{started}")


def orphans_of(leader: Identity) -> list[Identity]:
    """What a session leader that is gone left running, of this very installation's programs; told by /proc alone.

    While anything of the session runs, no other process gets the leader's id. Whether the id had been somebody
    else's in between is told by the boot, the moment of the start and the program.
    """
    if not (_PROC / "self" / "stat").exists() or identify(leader.pid) is not None:
        return []
    boot, _, since = leader.started.partition(":")
    found = []
    for one in (identify(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdecimal()):
        if one is None or _session_of(one.pid) != leader.pid:
            continue
        there, _, started = one.started.partition(":")
        if there == boot and int(started) >= int(since) and command_of(one.pid).startswith(f"{sys.prefix}/"):
            found.append(one)
    return found


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "-"


def _identify_by_ps(pid: int) -> Identity | None:
    listing = _ps("stat=,lstart=", pid)
    if not listing or listing.startswith("Z"):
        return None
    return Identity(pid=pid, started=" ".join(listing.split()[1:]))


def exists(pid: int) -> bool:
    """Whether the id is taken at all, by a zombie too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_of(pid: int) -> str:
    """The command line of a process with single spaces; empty when it is gone."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return "" if (_PROC / "self").exists() else _ps("command=", pid)
    return words.replace(b"\0", b" ").decode(errors="replace").strip()


def _ps(columns: str, pid: int) -> str:
    found = subprocess.run(
        ["ps", "-o", columns, "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    return found.stdout.strip()


def is_alive(identity: Identity) -> bool:
    return identify(identity.pid) == identity


def wait_gone(identity: Identity, seconds: float) -> bool:
    """Wait until the process has ended; False when it has not after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end(identity: Identity, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal to the process alone (never to its group) and wait; True when it has ended."""
    for number, seconds in steps:
        if not is_alive(identity):
            return True
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return True
        if wait_gone(identity, seconds):
            return True
    return not is_alive(identity)


def end_group(leader: int) -> None:
    """Kill what is left of a session whose leader has already ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
