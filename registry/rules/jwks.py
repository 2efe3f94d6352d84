"""Which keys of an issuer's key set may check a signature, and with which one algorithm each.

The algorithm is the key's, never the token's: a token that chooses it could ask for none, or have the public key
taken for a shared secret.
"""

import re
from collections.abc import Mapping
from typing import Any

MOST_KEYS = 100
MOST_KID = 200
LEAST_RSA_CHARACTERS = 342  # 2048 bits in base64url
_ALGORITHM = {"RSA": "RS256", "EC": "ES256"}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_MEMBERS = {"RSA": ("kid", "kty", "n", "e"), "EC": ("kid", "kty", "crv", "x", "y")}


class KeySetError(ValueError):
    """A document that is not a key set. The message is a sentence."""


def usable_keys(document: object) -> dict[str, dict[str, str]]:
    """Return the public signing keys by their ``kid``, each with its members alone and its algorithm.

    What is not one (encryption keys, shared secrets, private keys, short or unnamed ones) is left out. Two keys
    of one name are both left out: which of them is meant could not be said.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise KeySetError("The issuer's keys are not a JSON Web Key Set.")
    if len(listed) > MOST_KEYS:
        raise KeySetError(f"The issuer gives {len(listed)} keys; at most {MOST_KEYS} are read.")
    found: dict[str, dict[str, str]] = {}
    doubled = set()
    for item in listed:
        key = _usable(item)
        if key is None:
            continue
        if key["kid"] in found:
            doubled.add(key["kid"])
        found[key["kid"]] = key
    return {kid: key for kid, key in found.items() if kid not in doubled}


def _usable(item: object) -> dict[str, str] | None:
    if not isinstance(item, Mapping) or item.get("kty") not in _ALGORITHM or "d" in item:
        return None
    kind = item["kty"]
    if item.get("use", "sig") != "sig" or item.get("alg", _ALGORITHM[kind]) != _ALGORITHM[kind]:
        return None
    key = {name: item.get(name) for name in _MEMBERS[kind]}
    if not all(isinstance(value, str) and 0 < len(value) <= 2000 for value in key.values()):
        return None
    return {**{name: str(value) for name, value in key.items()}, "alg": _ALGORITHM[kind]} if _sound(kind, key) else None


def _sound(kind: str, key: Mapping[str, Any]) -> bool:
    if len(key["kid"]) > MOST_KID or not key["kid"].isprintable():
        return False
    numbers = [key[name] for name in _MEMBERS[kind] if name not in ("kid", "kty", "crv")]
    if not all(_BASE64URL.fullmatch(number) for number in numbers):
        return False
    if kind == "RSA":
        return len(key["n"]) >= LEAST_RSA_CHARACTERS
    return bool(key["crv"] == "P-256")
