"""Writing the stop file: after every stop and resume, at start-up, by the beat, and without a database.

One lock file orders the writers of one machine. Who holds it reads the stops afresh, so that whoever writes last
has seen every stop that was committed before.
"""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction

from portal.ledger.signing import load_signer
from registry.rules.kill import ScopeKind
from registry.rules.stop_journal import OfflineOrder
from registry.rules.stopfile import StopFile, StopFileError, next_sequence, read, with_orders, write
from registry.selectors.stopfile import expected_keys, journal_path, offline_orders, stop_file, stop_path

log = logging.getLogger(__name__)


def publish_after_commit() -> None:
    """Write the stop file when the transaction has committed. A failure never undoes the stop."""
    transaction.on_commit(publish_quietly)


def publish_quietly() -> None:
    """``publish_stops`` whose failure is logged; the pages show it (``selectors.stopfile.stop_file_fault``)."""
    try:
        publish_stops()
    except Exception:
        log.exception("The stop file was not written. Stops work through the portal alone.")


def publish_stops() -> StopFile:
    """Write what is stopped now, when the file does not say it already. Raises OSError or StopFileError."""
    with writing():
        return _publish(expected_keys())


def order_offline(*, order: OfflineOrder) -> StopFile:
    """Stop without a database: note the order for later, then write the file. Raises OSError or StopFileError.

    A file that cannot be verified denies everything. Replacing it by one that names a single agent would lift
    what it may have said, so then only a stop of everything is written.
    """
    with writing():
        try:
            known = stop_file()
        except StopFileError as error:
            if order.kind is not ScopeKind.ALL:
                raise StopFileError(
                    f"{error} Whoever reads it is stopped by that. Nothing was written; stop everything instead."
                ) from error
            known = None
        append_to_journal(order.line())
        waiting = (one.key for one in offline_orders()[0])
        return _publish(with_orders({} if known is None else known.stopped, waiting))


def append_to_journal(line: str) -> None:
    """Add one line to the journal and have it on disk before going on."""
    path = journal_path()
    torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("ab") as file:
        # What a crash cut short must not swallow the next line.
        file.write((b"\n" if torn else b"") + line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def writing() -> Iterator[None]:
    """The one writer of the stop file on this machine."""
    with _locked(stop_path()):
        yield


@contextmanager
def entering() -> Iterator[None]:
    """The one who enters journalled orders. Not the writer's lock: each order entered writes the file itself."""
    with _locked(journal_path()):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _publish(stopped: Mapping[str, int]) -> StopFile:
    signer, known = load_signer("stop"), _known()
    if known is not None and dict(known.stopped) == dict(stopped):
        return known
    now = datetime.now(UTC)
    sequence = next_sequence(0 if known is None else known.sequence, now)
    note = write(signer=signer, sequence=sequence, issued_at=now, stopped=stopped)
    _replace(stop_path(), note.encode())
    return read(note, signer.verifier)


def _known() -> StopFile | None:
    try:
        return stop_file()
    except StopFileError as error:
        log.warning("%s It is written anew.", error)
        return None


def _replace(path: Path, content: bytes) -> None:
    """The whole new file or the whole old one, also after a power cut."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    with unfinished.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
