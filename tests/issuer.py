"""A real issuer for tests: an HTTPS server with a certificate of its own that publishes keys and signs tokens."""

import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from django.core.cache import cache
from pytest_django.fixtures import Settings

from registry.models import Agent, IssuerTrust
from registry.services.trust import trust_issuer
from tests.organisation import Organisation

GITHUB = "https://token.actions.githubusercontent.com"
AUDIENCE = "https://portal.example"
CLAIMS = {
    "repository": "acme/payments",
    "repository_id": "4711",
    "repository_owner": "acme",
    "repository_owner_id": "12",
    "ref": "refs/heads/main",
    "environment": "staging",
    "workflow": "nightly",
    "job_workflow_ref": "acme/payments/.github/workflows/agent.yml@refs/heads/main",
    "runner_environment": "github-hosted",
    "run_id": "99",
    "run_attempt": "1",
    "actor": "octocat",
    "actor_id": "77",
    "event_name": "schedule",
    "sub": "repo:acme@12/payments@4711:ref:refs/heads/main",
}


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class TestIssuer:
    """``publish`` names the keys served; ``answer`` replaces what is served; ``asked`` counts the requests."""

    __test__ = False

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.published: list[dict[str, Any]] = []
        self.answer: tuple[int, dict[str, str], bytes] | None = None
        self.slow = 0.0
        self.asked: list[str] = []
        self.port = 0
        self.publish("one")

    @property
    def jwks_url(self) -> str:
        return f"https://127.0.0.1:{self.port}/jwks"

    def publish(self, *kids: str, curve: bool = False) -> None:
        """Serve exactly these keys; those that are not there yet are made."""
        for kid in kids:
            if kid not in self.keys:
                made = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
                self.keys[kid] = made
        self.published = [self.public(kid) for kid in kids]

    def public(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid]
        kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}

    def token(
        self, *, kid: str = "one", signed_by: str = "", header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """A good token, but for what is said otherwise; a claim given as None is left out."""
        now = int(time.time())
        usual = {"iss": GITHUB, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300, "jti": str(uuid4())}
        payload = {name: value for name, value in {**usual, **CLAIMS, **claims}.items() if value is not None}
        key = self.keys[signed_by or kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": kid, **(header or {})})

    def forged(self, header: Mapping[str, Any], signature: bytes = b"", secret: bytes = b"") -> str:
        """A token with any header, its signature given or made with a shared secret."""
        _, payload, _ = self.token().split(".")
        signed = f"{_part(json.dumps(dict(header)).encode())}.{payload}"
        if secret:
            signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_part(signature)}"

    def public_pem(self, kid: str = "one") -> bytes:
        """The public key as text: what a confused verifier would take for a shared secret."""
        public = self.keys[kid].public_key()
        return bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


@contextmanager
def running(folder: Path) -> Iterator[tuple[TestIssuer, Path]]:
    """The issuer while it serves, and the certificate that a caller must trust."""
    certificate, key = _certificate(folder)
    issuer = TestIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            time.sleep(issuer.slow)
            body = json.dumps({"keys": issuer.published}).encode()
            status, headers, body = issuer.answer or (200, {}, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing: the tests count requests."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Say nothing: a caller that hangs up is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer, certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def tunnel() -> Iterator[tuple[str, list[str]]]:
    """A proxy that passes bytes on (CONNECT), at the address given; the list says to where it was asked to."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port)), timeout=5) as beyond:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pass_on, args=[beyond, self.connection], daemon=True)
                back.start()
                _pass_on(self.connection, beyond)
                back.join(5)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "issuer.pem", folder / "issuer.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestIssuer, Path]]:
    """The server of a module's tests, and its certificate."""
    with running(tmp_path_factory.mktemp("issuer")) as found:
        yield found


@pytest.fixture
def issuer(served: tuple[TestIssuer, Path], settings: Settings) -> Iterator[TestIssuer]:
    """GitHub's issuer, whose keys are read from the server of the test (as from a mirror)."""
    one, certificate = served
    settings.BAILIWICK_OIDC_ISSUERS = [f"github={GITHUB}={one.jwks_url}"]
    settings.BAILIWICK_OIDC_CA_FILE = str(certificate)
    cache.clear()
    one.publish("one")
    one.answer, one.slow = None, 0.0
    one.asked.clear()
    yield one
    cache.clear()


@pytest.fixture
def trust(organisation: Organisation, agent: Agent) -> IssuerTrust:
    """The agent trusts the jobs of one repository's staging environment."""
    claims = {"repository_id": "4711", "environment": "staging"}
    return trust_issuer(
        actor=organisation.manager, agent=agent, name="nightly", issuer=GITHUB, audience=AUDIENCE, claims=claims
    )
