"""Runs a drill from its start to its end. A canary brings its own enforcement point: this one.

Over HTTP when the portal serves, at the address that agents use; else in process, which proves less and says so.
"""

import json
import logging
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from approvals.services.check import Call, decide
from portal.errors import PortalError
from registry.models import Drill
from registry.rules.drill import LIMIT_SECONDS
from registry.selectors.drills import observed, ready_drills
from registry.services.canary import LEASE_SECONDS, REPOSITORY, close_point, open_point
from registry.services.drill import finish_drill, start_drill
from registry.services.lease import Point, hold_lease, release_lease

log = logging.getLogger(__name__)

POINT, KIND = "Drill point of the portal", "gateway"
ASK_SECONDS = 0.5
HTTP_SECONDS = 5.0
_QUESTION: dict[str, Any] = {"tool": "Read", "input": {"file_path": "/workspace/README.md"}, "cwd": "/workspace"}

Pause = Callable[[float], None]


class Asks(Protocol):
    """The enforcement point of a canary. Each answer is whether a stop is in force; None when there was none."""

    way: str

    def check(self) -> bool | None: ...

    def hold(self) -> bool | None: ...

    def release(self) -> None: ...


def run_drill(drill_id: UUID, *, pause: Pause = time.sleep) -> Drill | None:
    """Start the drill when it is ready, watch it, end it. None when another process has it, or it was cancelled."""
    ready = ready_drills().filter(pk=drill_id).first()
    if ready is None:
        return None
    if not ready.agent.canary:
        drill = start_drill(drill_id=drill_id)
        return None if drill is None else _watch(drill, pause)
    token = open_point(drill=ready)
    try:
        point = point_for(token, session=f"drill-{ready.number}")
        point.hold()
        point.check()
        drill = start_drill(drill_id=drill_id)
        return None if drill is None else _rehearse(drill, point, pause)
    finally:
        close_point(drill=ready)


def _watch(drill: Drill, pause: Pause) -> Drill:
    """A real agent's own points are measured: wait until all have stopped and one has shown it."""
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until and not _seen_enough(drill):
        pause(ASK_SECONDS)
    return finish_drill(drill_id=drill.pk)


def _rehearse(drill: Drill, point: Asks, pause: Pause) -> Drill:
    """Go on as a wrapper does: ask before each act, renew the lease at a third of it, stop when told."""
    until = time.monotonic() + LIMIT_SECONDS
    renew_at = time.monotonic() + LEASE_SECONDS / 3
    refused = told = None
    try:
        while time.monotonic() < until and not (refused and told):
            refused = refused or point.check()
            if time.monotonic() >= renew_at:
                told = told or point.hold()
                renew_at = time.monotonic() + LEASE_SECONDS / 3
            pause(ASK_SECONDS)
        point.release()
    finally:
        ended = finish_drill(drill_id=drill.pk, way=point.way)
    return ended


def _seen_enough(drill: Drill) -> bool:
    drill.refresh_from_db(fields=["ended_at"])
    if drill.ended_at is not None or drill.order is None:
        return True
    seen = observed(drill.order)
    return not seen.out and (bool(seen.points) or seen.refused is not None)


def point_for(token: str, *, session: str) -> Asks:
    """Over HTTP if the portal answers at its address, else in process."""
    over_http = OverHttp(settings.BAILIWICK_DRILL_URL or settings.BAILIWICK_BASE_URL, token, session)
    return over_http if over_http.answers() else InProcess(token, session)


class InProcess:
    """Asks the same services that the portal's addresses ask."""

    way = "in process, because the portal did not answer over HTTP"

    def __init__(self, token: str, session: str) -> None:
        self._token, self._session = token, session
        self._point = Point(name=POINT, kind=KIND, session=session)

    def check(self) -> bool | None:
        call = Call(
            tool=_QUESTION["tool"],
            tool_input=_QUESTION["input"],
            cwd=_QUESTION["cwd"],
            session_id=self._session,
            repository=REPOSITORY,
        )
        return decide(token=self._token, call=call).stopped

    def hold(self) -> bool | None:
        return hold_lease(token=self._token, point=self._point).stopped

    def release(self) -> None:
        release_lease(token=self._token, name=POINT)


class OverHttp:
    """Asks the portal at the address that agents use."""

    def __init__(self, url: str, token: str, session: str) -> None:
        self._parts, self._token, self._session = urlsplit(url), token, session
        self.way = f"over HTTP at {url}"

    def answers(self) -> bool:
        return self._send("GET", "/healthz", None)[0] == 200

    def check(self) -> bool | None:
        question = {"schema": "1", "session": self._session, "repository": REPOSITORY, **_QUESTION}
        return self._stopped("/api/v1/checks", question)

    def hold(self) -> bool | None:
        return self._stopped("/api/v1/leases", {"point": POINT, "kind": KIND, "session": self._session})

    def release(self) -> None:
        self._send("POST", "/api/v1/leases/release", {"point": POINT})

    def _stopped(self, path: str, body: dict[str, Any]) -> bool | None:
        status, answer = self._send("POST", path, body)
        if status != 200 or not isinstance(answer, dict):
            log.warning("The drill's question to %s was answered with status %s.", path, status)
            return None
        return answer.get("stopped") is True

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """Status and JSON, 0 when there was no answer."""
        secure = self._parts.scheme == "https"
        kind: type[HTTPConnection] = HTTPSConnection if secure else HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=HTTP_SECONDS)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read(1 << 20)
            return response.status, json.loads(content) if content[:1] in (b"{", b"[") else None
        except (OSError, HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()


def try_drill(drill_id: UUID) -> None:
    """``run_drill`` for the worker: a refusal is logged, and the sweep ends what was begun."""
    try:
        run_drill(drill_id)
    except PortalError as error:
        log.warning("Drill %s could not be run: %s", drill_id, error.detail)
