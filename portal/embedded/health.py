"""Asks the portal over HTTP whether it serves."""

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

PATH = "/healthz"


def answers(address: str) -> bool:
    """Whether GET /healthz answers 200 now. A proxy in the environment plays no part on the loopback."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", PATH, headers={"Connection": "close"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_healthy(address: str, *, seconds: float, cancelled: Callable[[], bool]) -> bool:
    """Poll until it answers; False after `seconds`, or as soon as `cancelled()` says so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not cancelled():
        if answers(address):
            return True
        time.sleep(0.1)
    return False
