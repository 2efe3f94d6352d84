"""The command line of one machine: python -m portal.embedded run | start | stop | status."""

import argparse
import os
import signal
import subprocess
import sys
import time

from portal.embedded import record
from portal.embedded.announcement import announcement
from portal.embedded.environment import ROOT, Settings, read_settings
from portal.embedded.errors import EmbeddedError
from portal.embedded.files import open_log
from portal.embedded.processes import Identity, is_alive, wait_gone
from portal.embedded.supervisor import Supervisor

_STOP_SECONDS = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m portal.embedded", description=__doc__)
    parser.add_argument("command", choices=["run", "start", "stop", "status"])
    command = parser.parse_args().command
    try:
        settings = read_settings()
        if command == "stop":
            return stop(settings)
        if command == "status":
            return status(settings)
        return start(settings) if command == "start" or settings.detach else run(settings)
    except EmbeddedError as problem:
        print(problem, file=sys.stderr)
        return 1


def run(settings: Settings) -> int:
    """In the foreground, until a signal."""
    lock = record.lock_of(settings.data_dir)
    if not lock.acquire():
        return _say_running(settings)
    with lock:
        Supervisor(settings).run()
    return 0


def start(settings: Settings) -> int:
    """In the background; returns once the portal answers."""
    if record.is_running(settings.data_dir):
        return _say_running(settings)
    log = settings.log_dir / "run.log"
    output = open_log(log)
    offset = os.fstat(output).st_size
    environment = {name: value for name, value in os.environ.items() if name != "BAILIWICK_DETACH"}
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.embedded", "run"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    while process.poll() is None:
        found = record.read(settings.data_dir)
        if found is not None and found.ready and found.supervisor.pid == process.pid:
            print(announcement(settings.data_dir, address=found.address))
            return 0
        time.sleep(0.1)
    said = log.read_bytes()[offset:].decode(errors="replace")
    raise EmbeddedError(f"The portal did not start:\n{said[-3000:]}".rstrip())


def stop(settings: Settings) -> int:
    """Stop a run from anywhere, or end what a killed one left behind."""
    if not record.is_running(settings.data_dir):
        with record.lock_of(settings.data_dir) as lock:
            ended = record.end_leftovers(settings.data_dir) if lock.acquire() else []
        print(f"Ended what was left behind: {', '.join(ended)}." if ended else "Bailiwick is not running.")
        return 0
    supervisor = _supervisor(settings)
    os.kill(supervisor.pid, signal.SIGTERM)
    if not wait_gone(supervisor, _STOP_SECONDS):
        raise EmbeddedError(f"Process {supervisor.pid} has not stopped after {_STOP_SECONDS:.0f} seconds.")
    print("Bailiwick has stopped.")
    return 0


def _supervisor(settings: Settings) -> Identity:
    """The running supervisor; between its lock and its record lie a few milliseconds."""
    for _ in range(50):
        found = record.read(settings.data_dir)
        if found is not None and is_alive(found.supervisor):
            return found.supervisor
        time.sleep(0.1)
    raise EmbeddedError(f"A run holds {settings.data_dir / 'run.lock'} but has not said which process it is.")


def status(settings: Settings) -> int:
    """Exit code 0 when the portal is ready, 3 when it is not (as LSB init scripts have it)."""
    found = record.read(settings.data_dir)
    if found is None or not record.is_running(settings.data_dir):
        print("Bailiwick is not running.")
        return 3
    print(f"Bailiwick is {'ready' if found.ready else 'starting'}: {found.address}")
    for name, identity in {"supervisor": found.supervisor, **found.children}.items():
        print(f"  {name:<11} process {identity.pid} {'runs' if is_alive(identity) else 'has ended'}")
    return 0 if found.ready else 3


def _say_running(settings: Settings) -> int:
    found = record.read(settings.data_dir)
    where = f" at {found.address}" if found else ""
    print(f"Bailiwick is already running{where}. `make stop` stops it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
