"""A decision signed by a passkey: what is signed, and the check that anybody can do with public parts alone."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

NONCE_BYTES = 32
_DIGEST_BYTES = 32
# Authenticator data (WebAuthn level 3, section 6.1): 32 bytes of the site's hash, one of flags, four of a counter.
_SHORTEST = 37
_PRESENT, _VERIFIED = 0x01, 0x04
# COSE algorithms with a hash of their own: what the signature is made over.
_HASHES: dict[int, HashAlgorithm] = {
    -7: SHA256(),
    -35: SHA384(),
    -36: SHA512(),
    -257: SHA256(),
    -37: SHA256(),
    -47: SHA256(),
}
_EDDSA, _RSA_PKCS, _RSA_PSS = -8, -257, -37


def challenge(*, purpose: str, digest: bytes, view_hash: bytes, verdict: str, nonce: bytes) -> bytes:
    """What the passkey signs: SHA-256("bailiwick/<purpose>/v1" ‖ 0 ‖ digest ‖ view_hash ‖ verdict ‖ nonce).

    All but the verdict have a fixed length, so no two decisions share the bytes. Raises ValueError for others.
    """
    if len(digest) != _DIGEST_BYTES or len(view_hash) != _DIGEST_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError("A digest, a view's hash and a nonce have 32 bytes each.")
    return hashlib.sha256(f"bailiwick/{purpose}/v1\0".encode() + digest + view_hash + verdict.encode() + nonce).digest()


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """A passkey's signature over one decision. Bytes are base64url without padding; the key is SubjectPublicKeyInfo."""

    purpose: str
    person: str
    rp_id: str
    credential: str
    algorithm: int
    public_key: str
    nonce: str
    authenticator_data: str
    client_data: str
    signature: str

    def public(self) -> dict[str, Any]:
        """All of it as JSON: there is nothing secret in it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{field.name: document[field.name] for field in fields(cls)})

    @property
    def counter(self) -> int:
        """How often the authenticator says it has signed; 0 where it does not count."""
        return int.from_bytes(unpack(self.authenticator_data)[33:37], "big")


def fault_in(assertion: Assertion, *, digest: bytes, view_hash: bytes, verdict: str) -> str | None:
    """Why the assertion does not prove that its key decided exactly this; None when it does."""
    try:
        signed_for = challenge(
            purpose=assertion.purpose,
            digest=digest,
            view_hash=view_hash,
            verdict=verdict,
            nonce=unpack(assertion.nonce),
        )
        client_data, authenticator_data = unpack(assertion.client_data), unpack(assertion.authenticator_data)
        stated = json.loads(client_data)
        answered = unpack(stated["challenge"])
        key, signature = unpack(assertion.public_key), unpack(assertion.signature)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "It is not an assertion."
    if stated.get("type") != "webauthn.get":
        return "It was made for something else than a sign-in."
    if not hmac.compare_digest(answered, signed_for):
        return "It was made for another decision."
    if len(authenticator_data) < _SHORTEST:
        return "Its authenticator data is too short."
    if authenticator_data[:32] != hashlib.sha256(assertion.rp_id.encode()).digest():
        return "It was made for another site."
    flags = authenticator_data[32]
    if not flags & _PRESENT or not flags & _VERIFIED:
        return "The authenticator did not make sure who was there."
    message = authenticator_data + hashlib.sha256(client_data).digest()
    return None if _signed(key, assertion.algorithm, message, signature) else "The signature is not that of the key."


def _signed(key: bytes, algorithm: int, message: bytes, signature: bytes) -> bool:
    try:
        public = load_der_public_key(key)
        if isinstance(public, ed25519.Ed25519PublicKey) and algorithm == _EDDSA:
            public.verify(signature, message)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, message, ec.ECDSA(_HASHES[algorithm]))
        elif isinstance(public, rsa.RSAPublicKey) and algorithm == _RSA_PKCS:
            public.verify(signature, message, padding.PKCS1v15(), _HASHES[algorithm])
        elif isinstance(public, rsa.RSAPublicKey) and algorithm == _RSA_PSS:
            used = _HASHES[algorithm]
            public.verify(signature, message, padding.PSS(padding.MGF1(used), padding.PSS.AUTO), used)
        else:
            return False
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def pack(data: bytes) -> str:
    """Base64url without padding, as WebAuthn writes bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unpack(text: str) -> bytes:
    """The bytes of base64url; raises ValueError for anything else."""
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Base64Error, AttributeError, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if pack(data) != text:
        raise ValueError("not base64url in its one spelling")
    return data
