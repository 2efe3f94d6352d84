"""Building and sending reports for tests: bodies in our own format, and the client that an agent is."""

import gzip
import json
from typing import Any

from django.test import Client

AT = "2026-11-20T10:00:00Z"


def event(key: str = "e1", **fields: Any) -> dict[str, Any]:
    return {"key": key, "name": "tool_result", "at": AT, "session": "s-1", **fields}


def body(*events: Any, source: str = "ci") -> dict[str, Any]:
    return {"schema": "1", "source": source, "events": list(events)}


class Reporter:
    """An agent's side of the wire: a client with a bearer token and nothing else."""

    def __init__(self, token: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {token}"}, enforce_csrf_checks=True)

    def send(self, document: Any, path: str = "/api/v1/events", kind: str = "application/json") -> Any:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.client.post(path, data, content_type=kind)

    def send_gzip(self, data: bytes, path: str = "/api/v1/events", kind: str = "application/json") -> Any:
        return self.client.post(path, gzip.compress(data), content_type=kind, headers={"Content-Encoding": "gzip"})


def answer(response: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.content)
    return found
