"""Bearer tokens: ``bw<kind>_<32 base62>_<6 base62 CRC-32>``. Pure but for the random source.

The fixed prefix and the checksum let a secret scanner find a leaked token and know that it is one,
without asking us. Only a SHA-256 of the token is kept: 190 random bits need no slow hash.
"""

import hashlib
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal["a", "p"]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 32
PREFIX_LENGTH = 12


@dataclass(frozen=True)
class Minted:
    """A new token, shown once; ``prefix`` tells people which one it is, ``digest`` is stored."""

    token: str
    prefix: str
    digest: bytes


def mint(kind: TokenKind) -> Minted:
    """A new token: kind ``a`` for an agent's credential, ``p`` for a person's own."""
    body = f"bw{kind}_" + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    token = f"{body}_{_checksum(body)}"
    return Minted(token, token[:PREFIX_LENGTH], digest(token))


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def well_formed(token: str, kind: TokenKind) -> bool:
    """Whether the text can be a token of this kind at all: checked before any database is asked."""
    body, _, check = token.rpartition("_")
    expected = len(f"bw{kind}_") + SECRET_LENGTH
    return body.startswith(f"bw{kind}_") and len(body) == expected and check == _checksum(body)


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return digits
