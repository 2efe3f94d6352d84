"""The stop file: which kill keys are stopped, as a signed note that is read where the portal cannot be.

A C2SP signed note. Its text is: the format, the issuer (the name of the key that signs), the sequence, the time of
issue, then one line for each stopped key with its epoch, in the order of the keys::

    bailiwick-stop/1
    bailiwick.local/ledger/stops
    1795251600000
    2026-11-21T09:00:00Z
    agent:01a1fc98-9964-7696-bd2f-97db2e281f71 3
    all 1

The sequence only grows, so that an older file cannot lift what a newer one says. The same bytes are read by
``static/connect/bailiwick.py``, which shares no code with the portal.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from portal.ledger.rules.note import NoteError, Signer, Verifier, open_note

FORMAT = "bailiwick-stop/1"
MOST_KEYS = 10_000
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
# As ``registry.rules.kill.scope_key`` writes them; a space would end the key.
_KEY = re.compile(r"\S{1,500}")
_AT = "%Y-%m-%dT%H:%M:%SZ"


class StopFileError(ValueError):
    """A stop file that is malformed, not signed by the expected key, or cannot be written."""


@dataclass(frozen=True, slots=True)
class StopFile:
    """What a stop file says. ``stopped`` maps each stopped kill key to its epoch."""

    issuer: str
    sequence: int
    issued_at: datetime
    stopped: Mapping[str, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "stopped", MappingProxyType(dict(sorted(self.stopped.items()))))


def write(*, signer: Signer, sequence: int, issued_at: datetime, stopped: Mapping[str, int]) -> str:
    """Return the signed note. Raises StopFileError for a key, epoch or sequence that a reader would refuse."""
    for key, epoch in stopped.items():
        if not _KEY.fullmatch(key) or not _whole(epoch):
            raise StopFileError(f"{key!r} at {epoch!r} cannot stand in a stop file.")
    if not _whole(sequence) or len(stopped) > MOST_KEYS:
        raise StopFileError(f"A stop file has a whole number as its sequence and at most {MOST_KEYS} keys.")
    lines = [FORMAT, signer.name, str(sequence), issued_at.astimezone(UTC).strftime(_AT)]
    lines += [f"{key} {epoch}" for key, epoch in sorted(stopped.items())]
    return signer.sign("".join(f"{line}\n" for line in lines))


def read(note: str | bytes, verifier: Verifier) -> StopFile:
    """Return what the note says. Raises StopFileError unless it is well-formed and ``verifier`` signed it."""
    try:
        text = open_note(note, [verifier])
    except NoteError as error:
        raise StopFileError(f"The stop file cannot be verified: {error}.") from error
    lines = text[:-1].split("\n")
    if len(lines) < 4 or lines[0] != FORMAT or lines[1] != verifier.name or not _NUMBER.fullmatch(lines[2]):
        raise StopFileError("The stop file does not begin as one of this portal does.")
    try:
        issued_at = datetime.strptime(lines[3], _AT).replace(tzinfo=UTC)
    except ValueError as error:
        raise StopFileError("The stop file does not say when it was issued.") from error
    return StopFile(lines[1], int(lines[2]), issued_at, _stopped(lines[4:]))


def _stopped(lines: list[str]) -> dict[str, int]:
    stopped = {}
    for line in lines:
        key, _, epoch = line.partition(" ")
        if not _KEY.fullmatch(key) or not _NUMBER.fullmatch(epoch) or key in stopped:
            raise StopFileError("A line of the stop file is not one kill key and its epoch.")
        stopped[key] = int(epoch)
    if list(stopped) != sorted(stopped) or len(stopped) > MOST_KEYS:
        raise StopFileError("The keys of the stop file are not in order, or too many.")
    return stopped


def next_sequence(previous: int, at: datetime) -> int:
    """Return a sequence above ``previous`` and, when the clock is right, above every one given before ``at``.

    Milliseconds since 1970: a portal that lost its last file, or found an older one in its place, still writes a
    sequence that nobody has seen.
    """
    return max(previous + 1, int(at.timestamp() * 1000))


def with_orders(stopped: Mapping[str, int], keys: Iterable[str]) -> dict[str, int]:
    """Return ``stopped`` with ``keys`` as well: an order given without the database does not know its epoch."""
    return {**dict.fromkeys(keys, 0), **stopped}


def _whole(number: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 10**18
