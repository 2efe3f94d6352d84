"""The one door out: a POST to an address that somebody typed, made so that it reaches nothing inside.

Https with a verified certificate, the name looked up once, every address of it public, and the connection made to
exactly the address that was judged (no second look-up for a rebinding name to win). No redirect is followed, 5 seconds
in all, 64 KiB of the answer. The operator names hosts that may be private (``BAILIWICK_OUTBOUND_PRIVATE``).

``http.client`` and not a library: those look the name up again themselves, follow redirects, and read proxies and
passwords from the surroundings; what is needed here is less than what would have to be switched off.
"""

import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

SECONDS: Final = 5.0
MOST_BYTES: Final = 64 * 1024
MOST_URL: Final = 1000
_MOST_ADDRESSES: Final = 4
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# What the last part of a number in disguise looks like: resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses.
_NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_UNICAST_6: Final = ipaddress.ip_network("2000::/3")
# Global on paper: tunnels that carry an IPv4 address of the sender's choice, relays, documentation, protocol blocks.
_NEVER: Final = tuple(
    ipaddress.ip_network(block)
    for block in ("2002::/16", "2001::/23", "2001:db8::/32", "3fff::/20", "192.88.99.0/24", "192.0.0.0/24")
)


class NotSent(Exception):
    """Nothing was delivered, as far as is known. The message is for the page of deliveries.

    ``final``: the same will come of every further try.
    """

    def __init__(self, because: str, *, final: bool = False) -> None:
        super().__init__(because)
        self.final = final


@dataclass(frozen=True)
class Place:
    """An address that may be tried. ``inside``: the operator listed it, so it may be private and plain http."""

    host: str
    port: int
    target: str
    plain: bool
    inside: bool


@dataclass(frozen=True)
class Answer:
    """``body`` is at most the first 64 KiB."""

    status: int
    body: bytes


def read_place(url: str) -> Place:
    """What the address says, as far as it can be judged without looking its name up; raises NotSent."""
    if len(url) > MOST_URL or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise NotSent("The address is too long, or has spaces or signs that an address cannot have.", final=True)
    try:
        parts = urlsplit(url)
        given = parts.port
    except ValueError:
        raise NotSent("The address cannot be read.", final=True) from None
    host = _host(parts.hostname or "")
    if parts.scheme not in {"https", "http"} or not parts.netloc:
        raise NotSent("The address must begin with https://.", final=True)
    if "@" in parts.netloc:
        raise NotSent("The address must not have a name or password before the host.", final=True)
    plain = parts.scheme == "http"
    port = given if given is not None else (80 if plain else 443)
    inside = _listed(host, port)
    if plain and not inside:
        raise NotSent("The address must begin with https://.", final=True)
    if port != 443 and not inside:
        raise NotSent(f"Port {port} is not allowed; only 443 is, and what the operator lists.", final=True)
    if "." not in host and ":" not in host and not inside:
        raise NotSent("The address names a host without a domain.", final=True)
    return Place(host, port, f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", plain, inside)


def _host(host: str) -> str:
    """The host in one spelling: a name in ASCII, or an address as such addresses are written."""
    if ":" in host and "%" not in host:
        with suppress(ValueError):
            return str(ipaddress.IPv6Address(host))
        raise NotSent("The address's host cannot be read.", final=True)
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise NotSent("The address's host must be a plain name; write other letters in their xn-- form.", final=True)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        with suppress(ValueError):
            return str(ipaddress.IPv4Address(host))
        raise NotSent("The address's host is a number written in an unusual way.", final=True)
    return host


def _listed(host: str, port: int) -> bool:
    """``name`` stands for its ports 443 and 80, ``name:8443`` for that one."""
    listed = {entry.strip().lower() for entry in settings.BAILIWICK_OUTBOUND_PRIVATE}
    written = f"[{host}]" if ":" in host else host
    return f"{written}:{port}" in listed or (written in listed and port in {80, 443})


def is_public(address: str) -> bool:
    """Whether an address, as a look-up gives it, is one of the public internet and nothing in disguise."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False  # a scope (fe80::1%eth0) or garbage
    if isinstance(found, ipaddress.IPv6Address) and found in _NAT64:
        found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if isinstance(found, ipaddress.IPv6Address) and found not in _UNICAST_6:
        return False  # mapped, compatible, local, link, multicast, and whatever will be thought of
    if any(found.version == block.version and found in block for block in _NEVER):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Answer:
    """Send ``body`` and return the answer, whatever its status; raises NotSent. Never inside a transaction."""
    if not settings.BAILIWICK_OUTBOUND:
        raise NotSent("The operator has switched messages to other machines off.", final=True)
    place = read_place(url)
    deadline = time.monotonic() + seconds
    addresses = _looked_up(place, deadline)
    if not place.inside and not all(is_public(address) for address in addresses):
        raise NotSent("The name leads to an address that is not of the public internet.", final=True)
    try:
        with _connected(place, addresses, deadline) as connection:
            connection.request(
                "POST", place.target, body, {**headers, "User-Agent": "Bailiwick", "Connection": "close"}
            )
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(MOST_BYTES))
    except (OSError, HTTPException) as fault:
        if time.monotonic() >= deadline:
            raise NotSent(f"It did not answer within {seconds:g} seconds.") from fault
        raise NotSent(_told(fault)) from fault


def _told(fault: Exception) -> str:
    match fault:
        case ssl.SSLCertVerificationError():
            return f"Its certificate is not accepted: {fault.verify_message}."
        case ConnectionRefusedError():
            return "It refused the connection."
        case HTTPException():
            return "Its answer was not HTTP."
    return "The connection failed."


def _looked_up(place: Place, deadline: float) -> list[str]:
    """Every address of the name, asked once. In a thread, because a look-up knows no time limit."""
    found: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        addresses: list[str] = []
        with suppress(OSError, UnicodeError):
            answers = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        found.put(addresses)

    threading.Thread(target=ask, daemon=True).start()
    try:
        addresses = found.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise NotSent("Its name could not be looked up in time.") from None
    if not addresses:
        raise NotSent("Its name is not known.")
    return addresses


@contextmanager
def _connected(place: Place, addresses: list[str], deadline: float) -> Iterator[HTTPConnection]:
    """A connection to one of exactly these addresses, cut when the time is over."""
    connection = HTTPConnection(place.host, place.port)
    connection.auto_open = 0  # never a connection of its own making
    connection.default_port = 80 if place.plain else 443  # what the Host header leaves out
    connection.sock = _socket(place, addresses, deadline)
    # A timeout of the socket begins anew with each byte; this one ends a slow drip too.
    clock = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [connection.sock])
    clock.daemon = True
    clock.start()
    try:
        yield connection
    finally:
        clock.cancel()
        connection.close()


def _socket(place: Place, addresses: list[str], deadline: float) -> socket.socket:
    fault: OSError = OSError("no address")
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            reached = socket.create_connection((address, place.port), timeout=_left(deadline))
        except OSError as refused:
            fault = refused
            continue
        if place.plain:
            return reached
        try:
            reached.settimeout(_left(deadline))
            return _context().wrap_socket(reached, server_hostname=place.host)
        except OSError:
            reached.close()
            raise
    raise fault


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.BAILIWICK_OUTBOUND_CA_FILE or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        # Beneath TLS: its own shutdown takes the session away from whoever is reading.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
