"""The shim as the agent's machine runs it: a process of its own, against a portal or a stand-in for a broken one."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from registry.models import Agent
from tests.organisation import Organisation, credential_for

SHIM = Path(__file__).resolve().parent.parent.parent / "static" / "connect" / "bailiwick.py"


@dataclass
class Shim:
    """Runs the shim with an environment of its own and nothing of ours."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str, stdin: int | None = subprocess.DEVNULL, **more: str) -> subprocess.Popen[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment, **more}
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SHIM), *arguments],
            cwd=self.folder,
            env={name: value for name, value in environment.items() if value},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def stop(self) -> None:
        """Leave no process behind for a later test, when the one that started it failed."""
        for process in self.started:
            with process:
                process.kill()

    def run(self, *arguments: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, stdin=subprocess.PIPE, **more)
        out, err = process.communicate(given, timeout=90)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def hook(self, body: object, **more: str) -> dict[str, Any]:
        """The answer of the hook, which is always there, with status 0."""
        done = self.run("hook", "claude", given=body if isinstance(body, str) else json.dumps(body), **more)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def question(command: str, session: str = "s-1") -> dict[str, Any]:
    """What Claude Code gives a hook before a shell command."""
    return {
        "session_id": session,
        "cwd": "/workspace",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command},
        "tool_use_id": "t-1",
    }


def decision(answer: dict[str, Any]) -> str:
    return str(answer["hookSpecificOutput"]["permissionDecision"])


def reason(answer: dict[str, Any]) -> str:
    return str(answer["hookSpecificOutput"]["permissionDecisionReason"])


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    """Set up for a portal that is not there."""
    token = "bwa_nobody"
    one = Shim(tmp_path, {"BAILIWICK_URL": "http://127.0.0.1:9", "BAILIWICK_TOKEN": token})
    yield one
    one.stop()


@pytest.fixture
def connected(
    transactional_db: None, live_server: LiveServer, organisation: Organisation, agent: Agent, tmp_path: Path
) -> Iterator[Shim]:
    """Set up for ``agent`` of the fixture, over a real socket, with a credential and a place for the stop file."""
    before = settings.BAILIWICK_STOP_FILE
    settings.BAILIWICK_STOP_FILE = str(tmp_path / "stops" / "stops.txt")
    environment = {
        "BAILIWICK_URL": live_server.url,
        "BAILIWICK_TOKEN": credential_for(organisation, agent),
        "BAILIWICK_REPOSITORY": "acme/payments",
        "BAILIWICK_AGENT": str(agent.pk),
        "BAILIWICK_TEAM": str(agent.owner_team_id),
        "BAILIWICK_STATE_DIR": str(tmp_path / "state"),
        "BAILIWICK_SESSION": "s-1",
    }
    one = Shim(tmp_path, environment)
    yield one
    one.stop()
    settings.BAILIWICK_STOP_FILE = before


Stand = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def stand_in() -> Stand:
    """A server that answers every request with the same raw bytes, after a delay: a portal that went wrong.

    It puts the bodies of what it was asked into ``asked``.
    """

    @contextmanager
    def start(
        raw: bytes = b"", *, status: int = 200, body: bytes = b"", delay: float = 0.0, asked: list[bytes] | None = None
    ) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                question = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if asked is not None:
                    asked.append(question)
                time.sleep(delay)
                try:
                    if raw:
                        self.wfile.write(raw)
                        return
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the shim has given up on us

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return start
