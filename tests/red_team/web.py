"""The web processes of the portal as they really run, on a database of the test's choice, and a caller of them."""

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from portal.embedded.environment import Settings
from portal.embedded.health import wait_until_healthy
from portal.embedded.ports import HOST, free_port
from portal.embedded.programs import programs
from tests.ledger.processes import ROOT
from tests.red_team.answering import HEADER

WORKERS = 2  # as in production: see portal/embedded/programs.py
PATIENCE = 120.0
PAUSE = 0.01
CHECK: dict[str, Any] = {
    "schema": "1",
    "session": "session-1",
    "tool": "Bash",
    "input": {"command": "git status"},
    "cwd": "/work/payments",
    "repository": "acme/payments",
    "branch": "feature/tidy",
}


@dataclass(frozen=True)
class Heard:
    """One answer. ``status`` is 0 when nobody answered."""

    began: float
    status: int
    worker: str
    body: dict[str, Any]

    @property
    def outcome(self) -> str:
        return str(self.body.get("outcome", ""))


@dataclass
class Web:
    """A running server of two workers."""

    port: int
    log: Path

    def post(self, path: str, body: Mapping[str, Any], who: str | Mapping[str, str]) -> Heard:
        """By a token or with a session's headers; a connection for each call, so that any worker may take it."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        shown = {"Authorization": f"Bearer {who}"} if isinstance(who, str) else who
        headers = {**shown, "Content-Type": "application/json", "Connection": "close"}
        began = time.monotonic()
        try:
            connection.request("POST", f"/api/v1/{path}", json.dumps(body).encode(), headers)
            response = connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException):
            return Heard(began, 0, "", {})
        finally:
            connection.close()
        return Heard(began, response.status, response.headers.get(HEADER, ""), json.loads(said or b"{}"))

    def check(self, token: str, command: str = "git status") -> Heard:
        return self.post("checks", {**CHECK, "input": {"command": command}}, token)

    def done(self, path: str, body: Mapping[str, Any], who: str | Mapping[str, str]) -> dict[str, Any]:
        """The body of an answer that must be a good one."""
        heard = self.post(path, body, who)
        assert heard.status in {200, 201}, f"{path}: {heard}\n{self.log.read_text()[-3000:]}"
        return heard.body


@dataclass
class Askers:
    """Threads that check again and again until the block ends; what they heard, in ``heard``."""

    web: Web
    token: str
    threads: int = 4
    heard: list[Heard] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._end = threading.Event()
        self._running = [threading.Thread(target=self._ask, daemon=True) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._running:
            thread.join()

    def _ask(self) -> None:
        while not self._end.is_set():
            self.heard.append(self.web.check(self.token))
            time.sleep(PAUSE)

    def until_each_worker(self, outcome: str, times: int, *, since: float) -> None:
        """Wait until every worker has given this outcome so often, to checks that began after ``since``."""
        deadline = time.monotonic() + PATIENCE
        by: Counter[str] = Counter()
        while time.monotonic() < deadline:
            by = Counter(one.worker for one in list(self.heard) if one.began > since and one.outcome == outcome)
            if len(by) == WORKERS and min(by.values()) >= times:
                return
            time.sleep(0.05)
        raise AssertionError(f"not {times} answers {outcome} by each worker: {by}\n{self.web.log.read_text()[-3000:]}")


@contextmanager
def web_processes(environment: Mapping[str, str], folder: Path) -> Iterator[Web]:
    """The command line of production on a free port; ended with the block."""
    port = free_port()
    settings = Settings(
        data_dir=folder, host=HOST, port=port, detach=False, database_url="", postgres_start_seconds=PATIENCE
    )
    command = next(one for one in programs(settings, port=port) if one.name == "web")
    log = folder / "web.log"
    surroundings = {
        **environment,
        "DJANGO_SETTINGS_MODULE": "tests.red_team.settings",
        "BAILIWICK_DATA_DIR": str(folder),  # a stop file of its own
    }
    with log.open("wb") as output:
        child = subprocess.Popen(
            command.arguments, cwd=ROOT, env=surroundings, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            if not wait_until_healthy(
                f"http://{HOST}:{port}", seconds=PATIENCE, cancelled=lambda: child.poll() is not None
            ):
                raise AssertionError(f"the web processes did not come up:\n{log.read_text()[-3000:]}")
            yield Web(port, log)
        finally:
            child.terminate()
            try:
                child.wait(command.grace)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(20)
