"""A grant as a signed token (a compact JWS, EdDSA), and the keys that check it.

Ed25519 is deterministic, so the token is made again from the row whenever it is asked for and stored nowhere.
"""

import hashlib
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any, Final

import jwt
import orjson
from django.conf import settings

from approvals.models import ApprovalRequest, Grant
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.rules.note import Verifier
from portal.ledger.selectors.log import public_keys
from portal.ledger.signing import load_signer

AUDIENCE: Final = "bailiwick:enforcement"
ALGORITHM: Final = "EdDSA"


def token_of(grant: Grant, request: ApprovalRequest) -> str | None:
    """The signed token with everything that the grant is bound to; None while the installation has no grant key."""
    try:
        signer = load_signer("grant")
    except FileNotFoundError:
        return None
    kid = key_id(signer.verifier.public_bytes)
    return jwt.encode(_claims(grant, request), signer.private_key, algorithm=ALGORITHM, headers={"kid": kid})


def _claims(grant: Grant, request: ApprovalRequest) -> dict[str, Any]:
    above = {"organisation": request.organisation_revision_id, "team": request.team_revision_id}
    return {
        "iss": settings.BAILIWICK_BASE_URL,
        "aud": AUDIENCE,
        "sub": str(grant.agent_id),
        "jti": str(grant.pk),
        "iat": int(grant.issued_at.timestamp()),
        "exp": int(grant.expires_at.timestamp()),
        "once": True,
        "req": request.label,
        "dig": bytes(grant.digest).hex(),
        "call": call_digest(request.arguments),
        "rev": str(grant.revision_id),
        "levels": {level: str(pk) for level, pk in above.items() if pk is not None},
        "epo": grant.epoch,
        "run": str(request.run_id),
        "repo": request.repository or None,
        "branch": request.branch or None,
        "head": request.head or None,
        "env": request.environment or None,
    }


def call_digest(arguments: dict[str, Any]) -> str:
    """SHA-256 of the call's canonical bytes (RFC 8785), by which an enforcement point knows it."""
    return hashlib.sha256(canonicalize(arguments)).hexdigest()


def key_set() -> dict[str, Any]:
    """Every key that signs or signed grants, as a JSON Web Key Set (RFC 7517, RFC 8037), the one in force first."""
    return {"keys": [_jwk(Verifier.from_vkey(vkey).public_bytes) for vkey in public_keys("grant")]}


def _jwk(public: bytes) -> dict[str, str]:
    return {**_essential(public), "kid": key_id(public), "use": "sig", "alg": ALGORITHM}


def _essential(public: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": urlsafe_b64encode(public).rstrip(b"=").decode()}


@lru_cache(maxsize=16)
def key_id(public: bytes) -> str:
    """The key's thumbprint (RFC 7638)."""
    thumbprint = hashlib.sha256(orjson.dumps(_essential(public), option=orjson.OPT_SORT_KEYS)).digest()
    return urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
