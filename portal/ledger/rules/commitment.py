"""Salted commitments: how a personal value is bound to an entry without standing in it.

Destroying salt and value leaves 32 bytes that say nothing; showing both proves what was recorded.
"""

from hashlib import sha256
from hmac import compare_digest

DOMAIN = b"bailiwick/commitment/v1\0"
SALT_DOMAIN = b"bailiwick/salt/v1\0"
SALT_BYTES = 32


def salt_of(seed: bytes, field: str) -> bytes:
    """The salt of one field of an entry, from the entry's 32 random bytes.

    Showing one field's salt says nothing about the seed, so nothing about the salts of the other fields.
    """
    if len(seed) != SALT_BYTES:
        raise ValueError(f"a seed has {SALT_BYTES} bytes, this one {len(seed)}")
    return sha256(SALT_DOMAIN + seed + field.encode()).digest()


def commit(field: str, salt: bytes, value: bytes) -> bytes:
    """SHA-256 over domain, length of the field's name, its UTF-8 name, salt and value bytes.

    ``salt`` is 32 random bytes, ``value`` the RFC 8785 bytes of the value. The length before the name and the
    fixed salt keep (field, salt, value) from being cut in another place with the same result.
    """
    name = field.encode()
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, this one {len(salt)}")
    if not 0 < len(name) < 1 << 16:
        raise ValueError("a field name has 1 to 65535 bytes of UTF-8")
    return sha256(DOMAIN + len(name).to_bytes(2, "big") + name + salt + value).digest()


def opens(commitment: bytes, field: str, salt: bytes, value: bytes) -> bool:
    return compare_digest(commitment, commit(field, salt, value))
