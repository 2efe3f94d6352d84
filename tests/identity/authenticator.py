"""A passkey in software: it registers as allauth stores one, and signs what it is asked, truly or not."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from portal.identity.models import Person

HOST = "localhost"
ORIGIN = f"http://{HOST}"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Passkey:
    """One P-256 credential. ``counter`` grows with each signature, unless it is told not to count."""

    def __init__(self, *, host: str = HOST, counts: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.host = host
        self.counts = counts
        self.counter = 0

    def add_to(self, person: Person, name: str = "a key") -> Authenticator:
        """Stored as the page that adds keys stores it."""
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]  # fido2's
        credential = AttestedCredentialData.create(bytes(16), self.id, public)
        data = AuthenticatorData.create(
            hashlib.sha256(self.host.encode()).digest(),
            AuthenticatorData.FLAG(PRESENT | VERIFIED | ATTESTED),
            self.counter,
            credential,
        )
        client = {"type": "webauthn.create", "challenge": b64(bytes(32)), "origin": f"http://{self.host}"}
        return Authenticator.objects.create(
            user=person,
            type=Authenticator.Type.WEBAUTHN,
            data={
                "name": name,
                "credential": {
                    "id": b64(self.id),
                    "rawId": b64(self.id),
                    "type": "public-key",
                    "clientExtensionResults": {},
                    "response": {
                        "clientDataJSON": b64(json.dumps(client).encode()),
                        "attestationObject": b64(bytes(AttestationObject.create("none", data, {}))),
                    },
                },
            },
        )

    def answer(
        self,
        options: Mapping[str, Any],
        *,
        origin: str | None = None,
        host: str | None = None,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.get",
        challenge: str | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> dict[str, Any]:
        """What a browser would post for these options; keywords make it lie."""
        asked = challenge or str(options["publicKey"]["challenge"])
        client_data = json.dumps(
            {"type": kind, "challenge": asked, "origin": origin or f"http://{self.host}", "crossOrigin": False}
        ).encode()
        if self.counts:
            self.counter += 1
        data = hashlib.sha256((host or self.host).encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")
        message = data + hashlib.sha256(client_data).digest()
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": b64(client_data),
                "authenticatorData": b64(data),
                "signature": b64((key or self.key).sign(message, ec.ECDSA(SHA256()))),
                "userHandle": None,
            },
        }
