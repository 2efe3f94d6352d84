"""Signed notes and checkpoints: C2SP signed-note and tlog-checkpoint, Ed25519 (signature type 0x01) only.

The key texts are those of golang.org/x/mod/sumdb/note, so witnesses and monitors of that world read them.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)


class NoteError(ValueError):
    """A note, key or checkpoint that is malformed, unsigned or wrongly signed."""


def key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


@dataclass(frozen=True)
class Verifier:
    """A public key and the name it signs under."""

    name: str
    public_bytes: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public_bytes) != 32:
            raise NoteError("an Ed25519 public key has 32 bytes")

    @classmethod
    def from_vkey(cls, vkey: str) -> Self:
        """Read ``<name>+<hex key id>+<base64(0x01 || 32 bytes)>``."""
        name, _, rest = vkey.partition("+")
        return cls(name, _key_material(name, rest, private=False))

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_bytes)

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public_bytes).decode()}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public_bytes).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key and the name it signs under. ``private_bytes`` is the 32-byte seed of RFC 8032."""

    def __init__(self, name: str, private_bytes: bytes) -> None:
        if len(private_bytes) != 32:
            raise NoteError("an Ed25519 seed has 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(private_bytes)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Self:
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_private_text(cls, text: str) -> Self:
        """Read ``PRIVATE+KEY+<name>+<hex key id>+<base64(0x01 || seed)>``."""
        prefix, word, name, rest = (*text.split("+", 3), "", "", "", "")[:4]
        if (prefix, word) != ("PRIVATE", "KEY"):
            raise NoteError("a private key text begins with PRIVATE+KEY+")
        return cls(name, _key_material(name, rest, private=True))

    def private_text(self) -> str:
        material = b64encode(ED25519 + self._key.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{material}"

    def __repr__(self) -> str:
        return f"Signer({self.vkey})"

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """For what is signed in another form than a note."""
        return self._key

    @property
    def vkey(self) -> str:
        return self.verifier.vkey

    def sign(self, text: str) -> str:
        """The note: ``text``, a blank line, one signature line. ``text`` ends with a newline."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise NoteError("a note's text ends with a newline and holds no other control character")
        signature = self._key.sign(text.encode())
        return f"{text}\n— {self.name} {b64encode(self.verifier.key_id + signature).decode()}\n"


def open_note(note: str | bytes, verifiers: Iterable[Verifier]) -> str:
    """The text of ``note`` when at least one of ``verifiers`` signed it.

    Signatures by unknown keys are ignored, as C2SP asks (witnesses, rotation); a wrong signature by a known
    key refuses the whole note. Raises NoteError.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise NoteError(f"two keys share the name and id {verifier.name}+{verifier.key_id.hex()}")
    text, signatures = _split(note)
    good = 0
    for name, material in signatures:
        signer = known.get((name, material[:4]))
        if signer is None:
            continue
        if not signer.verifies(text.encode(), material[4:]):
            raise NoteError(f"the signature of {signer.name}+{signer.key_id.hex()} is wrong")
        good += 1
    if not good:
        raise NoteError("no signature by a known key")
    return text


class Checkpoint(NamedTuple):
    """The head of a log: its origin, the number of its leaves, its RFC 9162 root."""

    origin: str
    size: int
    root: bytes
    extension_lines: tuple[str, ...] = ()


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    if not origin or "\n" in origin or _CONTROL.search(origin):
        raise NoteError("an origin is one non-empty line")
    if size < 0 or len(root) != 32:
        raise NoteError("a checkpoint has a size of 0 or more and a root of 32 bytes")
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of an opened note as a checkpoint. Raises NoteError."""
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) < 3 or not all(lines):
        raise NoteError("a checkpoint has three or more non-empty lines")
    if not _SIZE.fullmatch(lines[1]):
        raise NoteError("a checkpoint's size is a decimal number without leading zeros")
    root = _decode(lines[2])
    if len(root) != 32:
        raise NoteError("a checkpoint's root has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]))


def _split(note: str | bytes) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError("the note is too large")
    try:
        whole = note.decode() if isinstance(note, bytes) else note
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    if _CONTROL.search(whole):
        raise NoteError("the note holds a control character")
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise NoteError("the note has no signature lines after a blank line")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("the note has too many signatures")
    return text + "\n", [_signature_line(line) for line in lines]


def _signature_line(line: str) -> tuple[str, bytes]:
    dash, name, material, *rest = (*line.split(" "), "", "")
    if dash != "—" or rest not in ([""], ["", ""]) or line.count(" ") != 2:
        raise NoteError("a signature line is: em dash, space, key name, space, base64")
    _require_name(name)
    decoded = _decode(material)
    if len(decoded) < 5:
        raise NoteError("a signature is shorter than its key id")
    return name, decoded


def _require_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name) or _CONTROL.search(name):
        raise NoteError("a key name is not empty and has neither spaces nor a plus sign")


def _key_material(name: str, rest: str, *, private: bool) -> bytes:
    id_text, _, encoded = rest.partition("+")
    material = _decode(encoded)
    if not _KEY_ID.fullmatch(id_text) or material[:1] != ED25519 or len(material) != 33:
        raise NoteError("not an Ed25519 key: <name>+<8 hex digits>+<base64 of 0x01 and 32 bytes>")
    _require_name(name)
    key = material[1:]
    public = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw() if private else key
    if key_id(name, public).hex() != id_text:
        raise NoteError("the key's id does not belong to its name and bytes")
    return key


def _decode(text: str) -> bytes:
    try:
        decoded = b64decode(text.encode("ascii"), validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteError("not base64") from error
    # Padding bits may hide a second spelling of the same bytes: only the one that encoding gives is taken.
    if b64encode(decoded).decode() != text:
        raise NoteError("not canonical base64")
    return decoded
