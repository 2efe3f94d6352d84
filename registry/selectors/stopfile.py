"""The stop file as it lies on disk, and whether it says what the portal knows."""

from pathlib import Path

from django.conf import settings

from portal.ledger.signing import load_signer
from registry.models import KillState
from registry.rules.stop_journal import OfflineOrder, pending
from registry.rules.stopfile import StopFile, StopFileError, read, with_orders


def stop_path() -> Path:
    """Where the stop file lies: BAILIWICK_STOP_FILE, else in the data directory."""
    return Path(settings.BAILIWICK_STOP_FILE or settings.BAILIWICK_DATA_DIR / "stops" / "stops.txt")


def journal_path() -> Path:
    """The journal of stops ordered without the database; it lies beside the stop file."""
    return stop_path().with_name("offline-stops.jsonl")


def stop_key() -> str:
    """The public key that an enforcement point pins (a C2SP verifier key); empty while there is none."""
    try:
        return load_signer("stop").vkey
    except FileNotFoundError:
        return ""


def stop_file_bytes() -> bytes | None:
    try:
        return stop_path().read_bytes()
    except FileNotFoundError:
        return None


def stop_file() -> StopFile | None:
    """What the file says, None when there is none. Raises StopFileError or OSError."""
    note = stop_file_bytes()
    return None if note is None else read(note, load_signer("stop").verifier)


def stopped_keys() -> dict[str, int]:
    """The kill keys that are stopped now, with their epochs, as the database has them."""
    return dict(KillState.objects.filter(stopped=True).values_list("key", "epoch"))


def offline_orders() -> tuple[list[OfflineOrder], int]:
    """Stops ordered without the database that it does not have yet, and how many journal lines cannot be read."""
    try:
        lines = journal_path().read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return [], 0
    return pending(lines)


def expected_keys() -> dict[str, int]:
    """What the stop file should say now: an offline order counts until the database has it."""
    return with_orders(stopped_keys(), (order.key for order in offline_orders()[0]))


def stop_file_fault() -> str:
    """What is wrong with the second path, in one sentence for the pages, empty when it is sound."""
    try:
        found = stop_file()
        orders, unreadable = offline_orders()
    except (OSError, StopFileError, ValueError) as error:
        return f"The stop file is not usable: {error}"
    if found is None:
        return "There is no stop file. Stops work through the portal alone until one is written."
    if dict(found.stopped) != with_orders(stopped_keys(), (order.key for order in orders)):
        return "The stop file does not say what is stopped now. It is written again every few seconds."
    if unreadable:
        return f"{unreadable} lines of {journal_path().name} cannot be read, so a stop ordered there may be missing."
    if orders:
        return (
            f"{len(orders)} stops ordered without the database are in the stop file and not entered yet: "
            "whoever ordered them may not, or is not known. Run `manage.py kill --enter --by` with a person who may."
        )
    return ""
