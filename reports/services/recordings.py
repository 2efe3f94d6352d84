"""Importing recorded sessions: every line of every transcript ends as imported, duplicate or rejected."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from reports.ingest.checkpoints import CONTENT_HASH, METADATA, TRANSCRIPT, Session, read_checkpoint
from reports.ingest.incoming import Incoming, Parsed, Rejected
from reports.services.ingest import IMPORT, USED, Fate, Sender, record

READ = (TRANSCRIPT, METADATA, CONTENT_HASH)


@dataclass(kw_only=True)
class Account:
    """What became of one transcript. ``lines`` = imported + duplicate + rejected.

    ``events`` are new entries; ``aside`` is what was refused beside the lines (metadata, summaries of usage).
    """

    session_id: str
    lines: int
    intact: bool | None
    imported: int = 0
    duplicate: int = 0
    rejected: int = 0
    events: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)


def transcripts(folder: Path) -> Iterator[Path]:
    """Every folder below ``folder``, itself included, that holds a transcript; in the order of their names."""
    yield from sorted(path.parent for path in folder.rglob(TRANSCRIPT))


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of one recorded session that are read; raises OSError."""
    return {name: (folder / name).read_bytes() for name in READ if name == TRANSCRIPT or (folder / name).exists()}


def import_session(*, sender: Sender, files: Mapping[str, bytes], now: datetime) -> Account:
    """Record one session in one transaction; importing it again changes nothing. Raises IngestError."""
    session = read_checkpoint(files, now=now)
    # Lines that cannot be read are counted each time they are sent, as everywhere; the keys make the rest happen once.
    parsed = Parsed(_dated(session.incoming), session.rejected)
    receipt = record(sender=sender, source=IMPORT, parsed=parsed)
    account = Account(
        session_id=session.session_id, lines=session.lines, intact=session.intact, events=receipt.recorded
    )
    _settle(account, session, receipt.fates)
    return account


def _dated(events: list[Incoming]) -> list[Incoming]:
    """Lines without a time get that of the line before them: in a recording, now would place them at the import."""
    last = next((event.occurred_at for event in events if event.occurred_at), None)
    dated = []
    for event in events:
        if event.occurred_at is None and last is not None:
            dated.append(replace(event, occurred_at=last, facts={**event.facts, "time_of_line_before": True}))
        else:
            dated.append(event)
            last = event.occurred_at
    return dated


def _settle(account: Account, session: Session, fates: list[Fate]) -> None:
    """Give each line the best fate of its events; the events behind the last line are summaries."""
    place = 0
    for line in session.account:
        own, place = fates[place : place + line.events], place + line.events
        if line.disposition == "rejected":
            account.rejected += 1
            account.reasons[line.reason] += 1
        elif Fate.RECORDED in own:
            account.imported += 1
        elif line.disposition == "duplicate" or Fate.DUPLICATE in own:
            account.duplicate += 1
        else:
            account.rejected += 1
            account.reasons[USED] += 1
    account.aside["summary of usage already recorded with other numbers"] += fates[place:].count(Fate.REJECTED)
    account.aside.update(_beside(session.rejected))
    account.aside += Counter()  # drops zeros


def _beside(rejected: list[Rejected]) -> Iterator[str]:
    return (f"{item.position}: {item.reason}" for item in rejected if not item.position.startswith("line "))
