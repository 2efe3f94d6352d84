"""The heartbeat of a builder: says every second that it lives and how far it is, and learns when it should end."""

import threading
from collections.abc import Callable
from typing import Self
from uuid import UUID

from django.db import DatabaseError, connection

from reports.services.package import beat

SECONDS = 1.0


class Ended(Exception):
    """The job is no longer this builder's: cancelled, or given to another after a long silence."""


class Pulse:
    """A thread with a database connection of its own, so that a long computation cannot hold the beat back.

    ``on_end`` runs in that thread when the job was taken away; in the child process it ends the process,
    because rendering cannot be interrupted from within.
    """

    def __init__(self, package_id: UUID, attempt: int, *, on_end: Callable[[], None] | None = None) -> None:
        self.package_id, self.attempt = package_id, attempt
        self.stage, self.done, self.total = "Starting", 0, 0
        self._on_end = on_end
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def enter(self, stage: str, *, total: int = 0) -> None:
        """Begin a stage of ``total`` units; 0 means that they cannot be counted."""
        self.check()
        self.stage, self.done, self.total = stage, 0, total

    def count(self, done: int) -> None:
        self.done = done

    def check(self) -> None:
        if self._ended.is_set():
            raise Ended

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._beat():
                    self._ended.set()
                    if self._on_end is not None:
                        self._on_end()
                    return
                self._stop.wait(SECONDS)
        finally:
            connection.close()

    def _beat(self) -> bool:
        try:
            return beat(
                package_id=self.package_id,
                attempt=self.attempt,
                stage=self.stage,
                done=self.done,
                total=self.total,
            )
        except DatabaseError:
            # The database is away for a moment: a missed beat is not an order to stop. If it stays away the
            # sweep finds the silence, and the end of the job checks the attempt again.
            connection.close()
            return True
