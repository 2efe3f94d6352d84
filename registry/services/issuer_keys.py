"""The public keys of outside issuers: read from the one known https address, kept in the shared cache.

The addresses are the operator's, so they may lie inside; what people type leaves through ``portal.outbound``. An
unknown key leads to a new reading at most once a minute, whatever is asked meanwhile; two that need the keys at once
read them once; and when the issuer cannot be reached, its last keys serve for a day.
"""

import hashlib
import logging
import ssl
import threading
import time
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache

from portal.errors import Unavailable
from portal.ledger.rules.canonical import CanonicalError, parse_strict
from registry.rules.jwks import KeySetError, usable_keys
from registry.rules.trust import Issuer

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600
STALE_SECONDS = 24 * 3600
PAUSE_SECONDS = 60
SECONDS_TO_ANSWER = 5.0
MOST_BYTES = 256 * 1024
_READING, _READ = "reading", "read"
_LOOK_AGAIN = 0.05
Keys = dict[str, dict[str, str]]


class NotRead(Exception):
    """The keys could not be read. The message is for the log."""


def key_of(issuer: Issuer, kid: str) -> dict[str, str] | None:
    """The issuer's public key of this name, None when it has none.

    Raises Unavailable when the keys cannot be read and none are kept. Never inside a transaction: it waits for
    another machine.
    """
    kept = _kept(issuer)
    if kept is not None and kid in kept["keys"] and time.time() - kept["read_at"] < FRESH_SECONDS:
        return _named(kept, kid)
    fresh = _read_again(issuer) or _kept(issuer)
    if fresh is None:
        raise Unavailable(
            f"The keys of {issuer.label} cannot be read at present, so its tokens cannot be checked. "
            "Nothing was issued. Try again in a minute."
        )
    return _named(fresh, kid)


def _named(kept: dict[str, Any], kid: str) -> dict[str, str] | None:
    found: dict[str, str] | None = kept["keys"].get(kid)
    return found


def _kept(issuer: Issuer) -> dict[str, Any] | None:
    kept: dict[str, Any] | None = cache.get(_name("oidc-keys", issuer))
    return kept


def _read_again(issuer: Issuer) -> dict[str, Any] | None:
    """Read the keys if nobody has in the last minute; wait for whoever is reading them now."""
    turn = _name("oidc-turn", issuer)
    if not cache.add(turn, _READING, PAUSE_SECONDS):
        deadline = time.monotonic() + 2 * SECONDS_TO_ANSWER
        while cache.get(turn) == _READING and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN)
        return None
    began = time.monotonic()
    try:
        found = {"read_at": time.time(), "keys": read_keys(issuer)}
        cache.set(_name("oidc-keys", issuer), found, STALE_SECONDS)
    except NotRead as fault:
        found = None
        kept = "its last keys are used" if _kept(issuer) else "its tokens are refused"
        log.warning("The keys of %s could not be read, so %s: %s", issuer.label, kept, fault)
    finally:
        cache.set(turn, _READ, max(1, PAUSE_SECONDS - int(time.monotonic() - began)))
    return found


def _name(what: str, issuer: Issuer) -> str:
    return f"{what}:{hashlib.sha256(issuer.jwks_url.encode()).hexdigest()[:32]}"


def read_keys(issuer: Issuer) -> Keys:
    """The usable keys that the issuer publishes now; raises NotRead."""
    try:
        keys = usable_keys(parse_strict(_body(issuer.jwks_url), max_bytes=MOST_BYTES))
    except (OSError, HTTPException, CanonicalError, KeySetError) as fault:
        raise NotRead(str(fault) or type(fault).__name__) from fault
    if not keys:
        raise NotRead("It publishes no key that could be used.")
    return keys


def _body(url: str) -> bytes:
    """What is at the address: verified TLS, no redirects, at most so much and so long."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        raise NotRead("Its address is not https.")
    connection = _connection(parts.hostname, parts.port or 443)
    # A timeout of the socket begins anew with each byte; this one ends a slow drip too.
    clock = threading.Timer(SECONDS_TO_ANSWER, _cut, [connection])
    clock.start()
    try:
        connection.request("GET", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", headers=_HEADERS)
        answer = connection.getresponse()
        if answer.status != 200:
            raise NotRead(f"It answered {answer.status}; redirects are not followed.")
        body = answer.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise NotRead(f"It answered with more than {MOST_BYTES} bytes.")
        return body
    finally:
        clock.cancel()
        connection.close()


_HEADERS = {"Accept": "application/json", "User-Agent": "Bailiwick"}


def _connection(host: str, port: int) -> HTTPSConnection:
    context = ssl.create_default_context(cafile=settings.BAILIWICK_OIDC_CA_FILE or None)
    if not settings.BAILIWICK_OIDC_PROXY:
        return HTTPSConnection(host, port, timeout=SECONDS_TO_ANSWER, context=context)
    proxy = urlsplit(settings.BAILIWICK_OIDC_PROXY)
    through = HTTPSConnection(proxy.hostname or "", proxy.port or 3128, timeout=SECONDS_TO_ANSWER, context=context)
    through.set_tunnel(host, port)
    return through


def _cut(connection: HTTPSConnection) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(SHUT_RDWR)
