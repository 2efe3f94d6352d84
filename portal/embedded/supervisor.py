"""Runs the whole portal on one machine: database first, then web, beat and worker, until a signal."""

import os
import signal
import threading
from types import FrameType

from portal.embedded import record
from portal.embedded.account import database_account
from portal.embedded.announcement import announcement
from portal.embedded.children import Child
from portal.embedded.environment import Settings, address, child_environment, choose_port
from portal.embedded.errors import EmbeddedError
from portal.embedded.health import wait_until_healthy
from portal.embedded.place import place_for
from portal.embedded.postgres import Cluster
from portal.embedded.preparation import prepare
from portal.embedded.processes import identify
from portal.embedded.programs import programs

_TICK = 0.25
_HEALTHY_SECONDS = 90.0


class Supervisor:
    """One run, from the lock to the last child. run() returns when a signal has stopped it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stop = threading.Event()
        self._cluster: Cluster | None = None
        self._children: list[Child] = []
        self._record: record.Record | None = None

    def run(self) -> None:
        """Raises EmbeddedError when the portal cannot start; everything started is stopped again."""
        self._listen_for_signals()
        try:
            port = self._start()
            self._wait_ready(port)
            while not self._stop.wait(_TICK):
                self._tend()
        finally:
            self._shut_down()

    def _listen_for_signals(self) -> None:
        def ask(_number: int, _frame: FrameType | None) -> None:
            self._stop.set()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, ask)

    def _start(self) -> int:
        settings = self.settings
        ended = record.end_leftovers(settings.data_dir)
        if ended:
            print(f"Ended what an earlier run left behind: {', '.join(ended)}.", flush=True)
        port = choose_port(settings)
        supervisor = identify(os.getpid())
        if supervisor is None:
            raise EmbeddedError("This process cannot find itself; is /proc mounted?")
        self._record = record.Record(supervisor=supervisor, address=address(settings, port))
        self._save()
        new = self._start_cluster()
        urls = self._cluster.urls() if self._cluster else None
        environment = child_environment(settings, port=port, urls=urls)
        prepare(settings, environment=environment, urls=urls, new=new)
        for command in programs(settings, port=port):
            if self._stop.is_set():
                break
            child = Child(command, environment=environment, log_dir=settings.log_dir)
            child.start()
            self._children.append(child)
        self._save()
        return port

    def _start_cluster(self) -> bool:
        """Start our own PostgreSQL unless the operator brought one; True when the database is new."""
        if self.settings.database_url:
            return False
        account = database_account()
        place = place_for(self.settings.data_dir, account)
        if place.parent != self.settings.data_dir:
            print(f"{account.name} cannot reach {self.settings.data_dir}, so the database is in {place}.")
        self._cluster = Cluster(
            place,
            account=account,
            log=self.settings.log_dir / "postgres.log",
            start_seconds=self.settings.postgres_start_seconds,
        )
        print("Starting PostgreSQL ...", flush=True)
        return self._cluster.start()

    def _wait_ready(self, port: int) -> None:
        where = address(self.settings, port)
        print("Starting the portal ...", flush=True)
        if wait_until_healthy(where, seconds=_HEALTHY_SECONDS, cancelled=self._cancelled):
            if self._record:
                self._record.ready = True
            self._save()
            print(announcement(self.settings.data_dir, address=where), flush=True)
        elif not self._stop.is_set():
            raise EmbeddedError(f"The portal does not answer at {where}. See {self.settings.log_dir / 'web.log'}.")

    def _cancelled(self) -> bool:
        self._tend()
        return self._stop.is_set()

    def _tend(self) -> None:
        if self._cluster is not None and not self._cluster.is_running():
            print("PostgreSQL ended; starting it again.", flush=True)
            self._cluster.revive()
            self._save()
        before = [child.pid for child in self._children]
        for child in self._children:
            said = child.tend()
            if said:
                print(said, flush=True)
        if before != [child.pid for child in self._children]:
            self._save()

    def _save(self) -> None:
        if self._record is None:
            return
        named = {child.command.name: child.identity for child in self._children}
        self._record.children = {name: identity for name, identity in named.items() if identity}
        record.write(self.settings.data_dir, self._record)

    def _shut_down(self) -> None:
        """Programs first, then the database under them. Further signals change nothing: it is under way."""
        if self._children or self._cluster:
            print("Stopping ...", flush=True)
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.wait_stopped()
        if self._cluster is not None:
            self._cluster.stop()
        record.remove(self.settings.data_dir)
