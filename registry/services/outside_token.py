"""Checking an outside token: signed by its issuer with a key of its own, for now, and read only one way."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

import jwt

from portal.errors import InvalidInput, PortalError
from portal.ledger.rules.canonical import CanonicalError, parse_strict
from portal.ledger.selectors.entries import database_now
from registry.models import IssuerTrust
from registry.rules.jwks import MOST_KID
from registry.rules.trust import Issuer
from registry.selectors.credentials import known_issuers
from registry.services.issuer_keys import key_of

MOST_TOKEN = 16 * 1024
LEEWAY_SECONDS = 60
OLDEST_SECONDS = 15 * 60
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_ALGORITHMS = frozenset({"RS256", "ES256"})


class TokenRefused(PortalError):
    """The token cannot be exchanged. ``reason`` is for the record, ``verified`` whether its issuer signed it.

    ``trust`` is the trust that it satisfied or came nearest to, ``differing`` the claims that were not as required.
    """

    code, status, title = "token-refused", 400, "The token cannot be exchanged"

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        verified: bool = False,
        trust: IssuerTrust | None = None,
        differing: tuple[str, ...] = (),
    ) -> None:
        # The extension member is what RFC 6749 section 5.2 calls it, for clients that look for that.
        super().__init__(f"{detail} Nothing was issued.", error="invalid_grant")
        self.reason, self.verified, self.trust, self.differing = reason, verified, trust, differing


@dataclass(frozen=True)
class OutsideToken:
    """A token as read, before anything of it is believed."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]
    issuer: Issuer


def read_token(text: str) -> OutsideToken:
    """The token's parts, only to know whose keys must be asked."""
    if len(text) > MOST_TOKEN or not _FORM.fullmatch(text):
        raise InvalidInput(
            "The token is not a signed JSON Web Token. Nothing was issued.",
            errors=[{"pointer": "/subject_token", "detail": "is not a signed JSON Web Token"}],
            error="invalid_request",
        )
    header, claims, _ = text.split(".")
    stated = _part(claims)
    return OutsideToken(text, _part(header), stated, _issuer_named(stated))


def _part(text: str) -> dict[str, Any]:
    try:
        value = parse_strict(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), max_bytes=MOST_TOKEN)
    except (binascii.Error, CanonicalError):
        value = None
    if not isinstance(value, dict):
        raise TokenRefused("unreadable", "The token's parts are not JSON that can be read in one way.")
    return value


def _issuer_named(claims: dict[str, Any]) -> Issuer:
    stated = claims.get("iss")
    issuer = known_issuers().get(stated) if isinstance(stated, str) else None
    if issuer is None:
        raise TokenRefused("issuer", "The token's issuer is not one that this portal knows.")
    return issuer


def verify(token: OutsideToken) -> None:
    """Raise TokenRefused unless the issuer signed this token and it is of now. May wait for the issuer's keys."""
    if token.header.get("alg") not in _ALGORITHMS or "crit" in token.header:
        raise TokenRefused("algorithm", "The token is signed in a way that is not accepted here.")
    kid = token.header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MOST_KID:
        raise TokenRefused("key", "The token does not name the key that it is signed with.")
    if any(type(token.claims.get(name, 0)) is not int for name in ("exp", "iat", "nbf")):
        raise TokenRefused("claims", "The token's dates are not whole numbers.")
    key = key_of(token.issuer, kid)
    if key is None or key["alg"] != token.header["alg"]:
        raise TokenRefused("key", f"{token.issuer.label} has no key of that name for that kind of signature.")
    try:
        claims = jwt.decode(
            token.text,
            key=jwt.PyJWK(key, algorithm=key["alg"]),
            algorithms=[key["alg"]],
            issuer=token.issuer.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "iat"], "verify_aud": False},
        )
    except jwt.PyJWTError as fault:
        raise _refusal(fault) from fault
    if claims["iat"] < database_now().timestamp() - OLDEST_SECONDS:
        raise TokenRefused("too-old", "The token was issued more than 15 minutes ago.", verified=True)


_REASONS: tuple[tuple[type[jwt.PyJWTError], str, str, bool], ...] = (
    (jwt.ExpiredSignatureError, "expired", "The token has expired.", True),
    (jwt.ImmatureSignatureError, "not-yet", "The token is dated in the future.", True),
    (jwt.MissingRequiredClaimError, "claims", "The token lacks one of iss, aud, exp and iat.", True),
    (jwt.InvalidSignatureError, "signature", "The token's signature is not its issuer's.", False),
)


def _refusal(fault: jwt.PyJWTError) -> TokenRefused:
    for kind, reason, detail, verified in _REASONS:
        if isinstance(fault, kind):
            return TokenRefused(reason, detail, verified=verified)
    return TokenRefused("unreadable", "The token cannot be read.")
