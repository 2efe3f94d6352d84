"""Keeps one child process alive: start, restart with a growing pause, stop by its main process id alone."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.environment import ROOT
from portal.embedded.files import open_log
from portal.embedded.processes import Identity, end_group, identify

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_SETTLED_SECONDS = 60.0


@dataclass(frozen=True)
class Command:
    """A program to keep running. `grace` is how many seconds it gets to finish its work at a stop."""

    name: str
    arguments: list[str]
    grace: float


class Child:
    """A command and its process, in a session of its own.

    A signal to the whole group was measured to hang Celery's worker in half of the tries, and Ctrl-C at the
    terminal is such a signal: hence the own session, and stop() that addresses the main process only.
    """

    def __init__(self, command: Command, *, environment: dict[str, str], log_dir: Path) -> None:
        self.command = command
        self.restarts = 0
        self._environment = environment
        self._log = log_dir / f"{command.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0

    @property
    def identity(self) -> Identity | None:
        return identify(self._process.pid) if self._process else None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        output = open_log(self._log)
        try:
            self._process = subprocess.Popen(
                self.command.arguments,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        self._started_at = time.monotonic()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tend(self) -> str | None:
        """Restart the child when it has died and its pause is over; returns a line to print, if any."""
        now = time.monotonic()
        if self.is_running():
            if now - self._started_at > _SETTLED_SECONDS:
                self._pause = _FIRST_PAUSE
            return None
        if self._process is not None:
            code, leader = self._process.returncode, self._process.pid
            self._process = None
            # What it had forked is leaderless now, and may hold the port or the queue.
            end_group(leader)
            self._not_before = now + self._pause
            said = f"{self.command.name} ended with code {code} ({self._log}); restart in {self._pause:g} s"
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            return said
        if now >= self._not_before:
            self.restarts += 1
            self.start()
        return None

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait_stopped(self) -> None:
        """Wait for the grace period, then end what is left."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(timeout=self.command.grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_group(process.pid)
