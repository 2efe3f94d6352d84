"""Runs a private PostgreSQL in the foreground as our own child: start, readiness, URLs, stop."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from portal.embedded import creation, postmaster
from portal.embedded.account import Account, database_account
from portal.embedded.binaries import Binaries, bare_environment, ready
from portal.embedded.creation import APP, OWNER, SUPER
from portal.embedded.errors import DataInUseError, EmbeddedError
from portal.embedded.files import Lock, open_log, write_private
from portal.embedded.ports import HOST, free_port
from portal.embedded.roles import DATABASE, ensure_roles

START_SECONDS = 300.0

_COMMON = {
    "listen_addresses": HOST,
    # TCP on the loopback only: a socket path has a limit of 107 bytes, which a deep checkout exceeds.
    "unix_socket_directories": "",
    "max_connections": "120",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "password_encryption": "scram-sha-256",
    # Parallel plans allocate in /dev/shm, which containers limit to 64 MB; two cores gain little from them.
    "max_parallel_workers_per_gather": "0",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "128MB"}
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
# One failed start each is normal after kill -9 of a server: its backends still hold the shared memory.
_PASSING = ("pre-existing shared memory block", "lock file", "Address already in use", "could not bind")


@dataclass(frozen=True)
class Urls:
    """Connection URLs of the three roles to one database."""

    app: str
    owner: str
    super: str


class Cluster:
    """One data directory and the server on it. Use as a context manager, or call start() and stop().

    `place`: a directory of ours (see portal.embedded.place). `fast`: give up durability, for tests only.
    """

    def __init__(
        self,
        place: Path,
        *,
        fast: bool = False,
        account: Account | None = None,
        start_seconds: float = START_SECONDS,
        log: Path | None = None,
    ) -> None:
        self.place = place.resolve()
        self.fast = fast
        self.account = account or database_account()
        self.start_seconds = start_seconds
        self.log = log or self.place / "postgres.log"
        self.data = self.place / "data"
        self.port = 0
        self._lock = Lock(self.place / "lock")
        self._passwords: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries: Binaries | None = None

    def start(self) -> bool:
        """Start and wait until it answers. Returns True when the data directory is new.

        Raises DataInUseError, WrongVersionError or EmbeddedError; nothing is left running then.
        """
        if not self._lock.acquire():
            raise DataInUseError(f"Another process is running the database in {self.place}.")
        try:
            new = not self.data.exists()
            self._binaries = ready(self.account, self.place)
            self._passwords = creation.passwords(self.place)
            creation.ensure_data(
                self.place,
                binaries=self._binaries,
                account=self.account,
                password=self._passwords[SUPER],
                fast=self.fast,
            )
            postmaster.clear(self.data)
            self._launch(free_port(self._remembered_port()))
            ensure_roles(self.url(SUPER, "postgres"), self._passwords)
        except BaseException:
            self.stop()
            raise
        return new

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def revive(self) -> None:
        """Start the server again on the same port after it died, so that known URLs stay true."""
        if self._process is not None:
            _end_child(self._process)
        postmaster.clear(self.data)
        self._launch(self.port)

    def stop(self) -> None:
        """Stop the server cleanly, then let go of the directory. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            _end_child(process)
        self._lock.release()

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self._passwords[role]}@{HOST}:{self.port}/{database}"

    def urls(self, database: str = DATABASE) -> Urls:
        return Urls(app=self.url(APP, database), owner=self.url(OWNER, database), super=self.url(SUPER, database))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _remembered_port(self) -> int:
        try:
            return int((self.place / "port").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _launch(self, port: int) -> None:
        deadline = time.monotonic() + self.start_seconds
        self.port = port
        while True:
            offset = self.log.stat().st_size if self.log.exists() else 0
            self._process = self._spawn()
            if self._await_ready(self._process, deadline):
                write_private(self.place / "port", f"{self.port}\n")
                return
            said = self._log_after(offset)
            passing = any(words in said for words in _PASSING)
            if not passing or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start. {self.log} ends with:\n{said[-2000:]}".rstrip())
            time.sleep(0.3)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = {**_COMMON, **(_FAST if self.fast else _DURABLE), "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        binaries = self._binaries or ready(self.account, self.place)
        output = open_log(self.log)
        try:
            # A session of its own: a Ctrl-C at the terminal must reach us, not the database beneath us.
            return subprocess.Popen(
                [binaries.program("postgres"), "-D", str(self.data), *options],
                cwd=self.place,
                env=bare_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
                **self.account.popen(),
            )
        except OSError as refused:
            raise EmbeddedError(f"PostgreSQL could not be started as {self.account.name}: {refused}") from refused
        finally:
            os.close(output)

    def _await_ready(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """True once our own child answers, False when it has ended; crash recovery may take long."""
        while process.poll() is None:
            try:
                with psycopg.connect(self.url(SUPER, "postgres"), connect_timeout=5) as connection:
                    row = connection.execute("SHOW data_directory").fetchone()
                return row is not None and Path(row[0]) == self.data and process.poll() is None
            except psycopg.OperationalError as refused:
                if "password authentication failed" in str(refused):
                    raise EmbeddedError(
                        f"The password in {self.place / 'passwords.json'} does not fit {self.data}."
                    ) from refused
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"PostgreSQL was not ready after {self.start_seconds:.0f} seconds. If {self.log} says "
                    "that it recovers from a crash, raise BAILIWICK_POSTGRES_START_SECONDS."
                )
            time.sleep(0.02)
        return False

    def _log_after(self, offset: int) -> str:
        with self.log.open("rb") as stream:
            stream.seek(offset)
            return stream.read().decode(errors="replace")


def _end_child(process: subprocess.Popen[bytes]) -> None:
    """End and reap: PostgreSQL takes an unreaped predecessor for a live one."""
    for number, seconds in postmaster.FAST_THEN_IMMEDIATE:
        if process.poll() is not None:
            return
        process.send_signal(signal.Signals(number))
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue
