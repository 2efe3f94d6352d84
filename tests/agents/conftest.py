"""A live portal over the test's own database, and stand-ins for a portal that is broken."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from portal.embedded.postgres import Urls
from tests.agents.claude import NotInstallable, Project, install, make_project

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session", autouse=True)
def agent_installed() -> None:
    if not os.environ.get("BAILIWICK_TEST_AGENTS"):
        pytest.skip("These tests install and run released agents; `make test-agents` does so.")
    try:
        install()
    except NotInstallable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def live_portal(transactional_db: None, database_urls: Urls, key_dir: Path, tmp_path: Path) -> Iterator[str]:
    """The portal's own web server in a process of its own, on the database that the test writes to."""
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.process_settings",
        "BAILIWICK_DATABASE_URL": database_urls.app,
        "BAILIWICK_KEY_DIR": str(key_dir),
        "BAILIWICK_DATA_DIR": str(tmp_path / "data"),
        "BAILIWICK_BASE_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "portal.wsgi:application",
               "--workers", "1", "--blocking-threads", "4", "--port", str(port)]  # fmt: skip
    log = (tmp_path / "portal.log").open("wb")
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/healthz", tmp_path / "portal.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(20)
        log.close()


@pytest.fixture
def broken_portal() -> Callable[..., AbstractContextManager[str]]:
    """A server that answers every request with one status, after a delay: a portal that went wrong."""

    @contextmanager
    def start(*, status: int = 200, delay: float = 0.0, body: bytes = b"") -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                time.sleep(delay)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    return start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(url: str, log: Path) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer:\n{log.read_text()[-2000:]}")
