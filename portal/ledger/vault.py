"""Keeping personal values readable only while their subject's key exists.

Each subject has a 256-bit data key, wrapped with AES-256-GCM under the content key, a file outside the
database. An entry's personal values and their salts are one AES-256-GCM blob under the data key.
"""

import os
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from portal.ledger.models import SubjectKey
from portal.ledger.rules.commitment import SALT_BYTES, salt_of
from portal.ledger.signing import content_key

NONCE = 12
_FORM = b"\x01"  # what a blob holds: this byte, the seed of the salts, the values as JSON
_MOST_KEPT = 20_000
_keys: dict[str, AESGCM] = {}
_MAKE_OR_READ = """
WITH made AS (
    INSERT INTO ledger_subjectkey (subject, wrapped) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING wrapped
)
SELECT wrapped FROM made UNION ALL SELECT wrapped FROM ledger_subjectkey WHERE subject = %s
"""


def lock(
    subject: str, seed: bytes, values: dict[str, Any], entry_id: bytes, keys: Mapping[str, AESGCM] | None = None
) -> bytes:
    """Encrypt ``values`` for ``subject``; bound to the entry's id so that blobs cannot be swapped.

    ``seed`` (32 bytes) gives the salts of all fields (``rules.commitment.salt_of``). ``keys`` holds what
    ``keys_for_writing`` gave, so that many entries of one subject ask once.
    """
    nonce = os.urandom(NONCE)
    key = (keys or {}).get(subject) or _key_for_writing(subject)
    return nonce + key.encrypt(nonce, _FORM + seed + orjson.dumps(values), entry_id)


def keys_for_writing(subjects: Iterable[str]) -> dict[str, AESGCM]:
    """The data keys of the subjects, made where missing.

    In the order of their names: two batches that meet the same new subjects wait for each other, and never
    in a circle.
    """
    return {subject: _key_for_writing(subject) for subject in sorted(set(subjects))}


def unlock_many(blobs: Iterable[tuple[str, bytes, bytes]]) -> list[dict[str, Any] | None]:
    """``{field: {"salt", "value"}}`` of many ``(subject, blob, entry_id)``, with one query for all keys.

    The table is asked for every subject: what was erased a moment ago is not shown from this process's memory.
    """
    asked = list(blobs)
    rows = SubjectKey.objects.filter(subject__in={subject for subject, _, _ in asked})
    keys = {row.subject: _unwrap(row) for row in rows}
    return [_open(keys.get(subject), blob, entry_id) for subject, blob, entry_id in asked]


def unlock_with(row: SubjectKey, blob: bytes, entry_id: bytes) -> dict[str, Any] | None:
    """The values under the key of ``row``; None when it is not the key they were locked with, or is no key."""
    try:
        key = _unwrap(row)
    except InvalidTag:
        return None
    return _open(key, blob, entry_id)


def unlock(subject: str, blob: bytes, entry_id: bytes) -> dict[str, Any] | None:
    """``{field: {"salt": <base64>, "value": …}}``, or None when the subject's key was destroyed."""
    return unlock_many([(subject, blob, entry_id)])[0]


class Reader:
    """Reads the values of very many blobs that come with their subjects' wrapped keys, as one statement gives both.

    The salts are left out: who only reads values has no use for them. Unwrapped keys are kept by their wrapped
    form, so a key that was destroyed and made anew is never taken for the old one.
    """

    def __init__(self) -> None:
        self._content = AESGCM(content_key())
        self._keys: dict[bytes, AESGCM] = {}

    def values(self, subject: str, wrapped: bytes | None, blob: bytes, entry_id: bytes) -> dict[str, Any] | None:
        """The values by field; None when the key is gone or does not open the blob."""
        if wrapped is None:
            return None
        try:
            plain = _plain(self._key(subject, wrapped), blob, entry_id)
        except InvalidTag:
            return None  # what is stored as the key is no key of this portal's
        return None if plain is None else orjson.loads(plain[1 + SALT_BYTES :])

    def _key(self, subject: str, wrapped: bytes) -> AESGCM:
        known = self._keys.get(wrapped)
        if known is None:
            if len(self._keys) >= _MOST_KEPT:
                self._keys.clear()
            known = AESGCM(self._content.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode()))
            self._keys[wrapped] = known
        return known


def _open(key: AESGCM | None, blob: bytes, entry_id: bytes) -> dict[str, Any] | None:
    plain = None if key is None else _plain(key, blob, entry_id)
    if plain is None:
        return None
    seed, values = plain[1 : 1 + SALT_BYTES], orjson.loads(plain[1 + SALT_BYTES :])
    return {
        field: {"salt": b64encode(salt_of(seed, field)).decode(), "value": value} for field, value in values.items()
    }


def _plain(key: AESGCM, blob: bytes, entry_id: bytes) -> bytes | None:
    try:
        plain = key.decrypt(blob[:NONCE], blob[NONCE:], entry_id)
    except InvalidTag:
        # The subject was erased and later seen again: a new key, which does not open old blobs.
        return None
    if plain[:1] != _FORM:
        # Not a form that this version writes or knows: not readable, which is not the reader's fault.
        return None
    return plain


def forget_cached_keys() -> None:
    """Drop every key this process holds, so that the next use reads the table."""
    _keys.clear()


def _key_for_writing(subject: str) -> AESGCM:
    known = _keys.get(subject)
    if known is not None:
        return known
    raw = AESGCM.generate_key(256)
    nonce = os.urandom(NONCE)
    wrapped = nonce + AESGCM(content_key()).encrypt(nonce, raw, subject.encode())
    stored = _make_or_read(subject, wrapped)
    key = AESGCM(raw) if stored == wrapped else _unwrap(SubjectKey(subject=subject, wrapped=stored))
    # Kept only once the row is committed: a key whose row was rolled back opens nothing for ever.
    transaction.on_commit(lambda: _keep(subject, key))
    return key


def _make_or_read(subject: str, wrapped: bytes) -> bytes:
    """What is stored as the subject's key: ``wrapped``, or what was there before it."""
    with connection.cursor() as cursor:
        for _ in range(2):  # a key that another transaction was making has come after the statement began
            cursor.execute(_MAKE_OR_READ, [subject, wrapped, subject])
            found = cursor.fetchone()
            if found is not None:
                return bytes(found[0])
    raise LookupError(f"The key of {subject} vanished while it was being used.")


def _unwrap(row: SubjectKey) -> AESGCM:
    wrapped = bytes(row.wrapped)
    return AESGCM(AESGCM(content_key()).decrypt(wrapped[:NONCE], wrapped[NONCE:], row.subject.encode()))


def _keep(subject: str, key: AESGCM) -> None:
    if len(_keys) >= _MOST_KEPT:
        _keys.clear()
    _keys[subject] = key
