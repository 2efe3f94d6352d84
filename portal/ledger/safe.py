"""Keeping a short secret in a row: AES-256-GCM under the content key, bound to what it belongs to.

For secrets that the portal must send again, such as the address of a chat. What only has to be recognised is kept as
a hash instead.
"""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.ledger.signing import content_key

NONCE = 12


def put_away(secret: str, *, of: str) -> bytes:
    """Encrypt ``secret``; ``of`` names the row and the column, so that a blob cannot be moved to another."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(content_key()).encrypt(nonce, secret.encode(), of.encode())


def take_out(blob: bytes, *, of: str) -> str:
    """The secret; raises cryptography's InvalidTag when it was put away for something else or under another key."""
    return AESGCM(content_key()).decrypt(blob[:NONCE], blob[NONCE:], of.encode()).decode()
