"""A real receiver of messages for tests: HTTPS with a certificate of its own, a mail server, and a resolver."""

import http.server
import ipaddress
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

HOST = "hooks.example.test"
OTHER_HOST = "moved.example.test"  # the same receiver under a second name, in its certificate too


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """``status``, ``headers`` and ``answer`` are what is answered; ``slow`` seconds pass before each byte of it."""

    port: int = 0
    certificate: Path = field(default_factory=Path)
    got: list[Got] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"ok"
    slow: float = 0.0

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/hooks/T0123456789/secret-of-the-path"

    def reset(self) -> None:
        self.got.clear()
        self.status, self.headers, self.answer, self.slow = 200, {}, b"ok", 0.0


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """The receiver while it serves, on the loopback."""
    certificate, key = _certificate(folder)
    one = Receiver(certificate=certificate)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            one.got.append(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if one.slow:
                self._drip()
                return
            self.send_response(one.status)
            for name, value in {"Content-Length": str(len(one.answer)), **one.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(one.answer)

        def _drip(self) -> None:
            for sign in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
                time.sleep(one.slow)
                self.wfile.write(bytes([sign]))

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Say nothing: a sender that hangs up is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    one.port = server.server_address[1]
    with _serving(server):
        yield one


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Post:
    """A mail server: what arrived, and how it behaves (``refuse``: a code for every recipient)."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    refuse: str = ""


@contextmanager
def mail_server() -> Iterator[Post]:
    """Just enough of SMTP (RFC 5321) to take a mail, on a real socket."""
    post = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline():
                word = line.strip().upper()
                if word.startswith(b"RCPT") and post.refuse:
                    self._say(f"{post.refuse} not here")
                elif word.startswith(b"DATA"):
                    self._say("354 go on")
                    post.mails.append(self._data())
                    self._say("250 taken")
                elif word.startswith(b"QUIT"):
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _data(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line)
            return b"".join(lines)

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    post.port = server.server_address[1]
    with _serving(server):
        yield post


@dataclass
class Names:
    """What the resolver says: ``known`` by name; every question is in ``asked``."""

    known: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The resolver, replaced where the program meets it; the loopback's own address stays as it is."""
    found = Names()
    real: Callable[..., Any] = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if host not in found.known and not _is_address(str(host)) and host != "localhost":
            found.asked.append(str(host))
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host not in found.known:
            return real(host, port, *args, **more)
        found.asked.append(str(host))
        return [entry for address in found.known[host] for entry in real(address, port, *args, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def receiving_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("receiver")) as one:
        yield one


@pytest.fixture
def receiver(receiving_server: Receiver, names: Names, settings: Settings) -> Receiver:
    """A receiver inside the network, under a name that the operator lists."""
    receiving_server.reset()
    names.known |= {HOST: ["127.0.0.1"], OTHER_HOST: ["127.0.0.1"]}
    port = receiving_server.port
    settings.BAILIWICK_OUTBOUND_PRIVATE = [f"{HOST}:{port}", f"{OTHER_HOST}:{port}"]
    settings.BAILIWICK_OUTBOUND_CA_FILE = str(receiving_server.certificate)
    return receiving_server


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName(OTHER_HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "receiver.pem", folder / "receiver.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret
