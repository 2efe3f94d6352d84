"""A real Celery worker and a real beat, as processes, on the worker's own test database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

from portal import broker
from portal.embedded.postgres import Urls
from tests.ledger.processes import ROOT, environment

REDIS = "BAILIWICK_TEST_REDIS_URL"


@dataclass
class Workers:
    """Starts Celery processes and knows them, so that each is ended with its test."""

    environment: dict[str, str]
    folder: Path
    mail: Path
    running: list[tuple[str, subprocess.Popen[bytes], IO[bytes]]] = field(default_factory=list)

    def worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", "worker", "-P", "threads", "-c", "2", "-n", f"test-{len(self.running)}@%h")

    def beat(self) -> subprocess.Popen[bytes]:
        return self._start("beat", "beat", "--pidfile=")

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}-{len(self.running)}.log").open("wb")
        command = [sys.executable, "-m", "celery", "-A", "portal", *arguments, "-l", "INFO"]
        child = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        self.running.append((name, child, log))
        return child

    def end(self) -> None:
        for _, child, _ in reversed(self.running):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for _, child, log in self.running:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(20)
            log.close()

    def logs(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text()[-6000:]}" for path in sorted(self.folder.glob("*.log")))

    def until(self, what: str, happened: Callable[[], Any], *, seconds: float = 180) -> Any:
        """Wait until ``happened`` is true; what it gave. A dead process ends the wait with its log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := happened():
                return found
            time.sleep(0.2)
        pytest.fail(f"not within {seconds} s: {what}\n{self.logs()}")

    def messages(self) -> list[EmailMessage]:
        found = []
        for path in sorted(self.mail.glob("*")):
            for part in path.read_bytes().split(b"-" * 79):
                if part.strip():
                    message = message_from_bytes(part.lstrip(b"\n"), policy=policy.default)
                    assert isinstance(message, EmailMessage)
                    found.append(message)
        return found


@pytest.fixture(params=["pgmq", "redis"])
def workers(
    request: pytest.FixtureRequest, transactional_db: None, database_urls: Urls, tmp_path: Path
) -> Iterator[Workers]:
    """Workers on each broker: the one inside PostgreSQL always, Redis when a server is given."""
    url = ""
    if request.param == "redis":
        url = os.environ.get(REDIS, "")
        if not url:
            pytest.skip(f"{REDIS} names no Redis server")
        # A database for each of the processes that test at the same time: a queue is shared by its name.
        number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        url = urlsplit(url)._replace(path=f"/{number}").geturl()
        _flush_redis(url)
    else:
        _fresh_queue(database_urls)
    folder = tmp_path / "logs"
    folder.mkdir()
    data = Path(settings.BAILIWICK_DATA_DIR)
    mail = tmp_path / "mail"
    surroundings = environment(
        database_urls,
        DJANGO_SETTINGS_MODULE="tests.workers.settings",
        BAILIWICK_BROKER_URL=url,
        BAILIWICK_TEST_MAIL=str(mail),
        BAILIWICK_TEST_BEAT=str(tmp_path / "beat-schedule"),
        BAILIWICK_BASE_URL="https://bailiwick.example",
        BAILIWICK_DATA_DIR=str(data),
    )
    started = Workers(surroundings, folder, mail)
    try:
        yield started
    finally:
        started.end()
        if not url:
            _drop_queue(database_urls)


def _fresh_queue(urls: Urls) -> None:
    _drop_queue(urls)
    assert broker.install(urls.owner, app_role="bailiwick_app")


def _drop_queue(urls: Urls) -> None:
    with psycopg.connect(urls.super, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS pgmq CASCADE")


def _flush_redis(url: str) -> None:
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
