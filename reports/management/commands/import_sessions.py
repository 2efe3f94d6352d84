"""`manage.py import_sessions DIR --agent SLUG`: recorded sessions become runs, every line accounted for."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from reports.ingest.incoming import IngestError
from reports.services.ingest import Sender
from reports.services.recordings import Account, files_of, import_session, transcripts

COLUMNS = ("lines", "imported", "duplicate", "rejected", "events")


class Command(BaseCommand):
    help = "Import recorded sessions (folders with full.jsonl) as runs of an agent. Importing twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="searched with everything below it")
        parser.add_argument("--agent", required=True, metavar="SLUG", help="the agent whose sessions these are")

    def handle(self, *_: Any, folder: Path, agent: str, **__: Any) -> None:
        owner = Agent.objects.filter(slug=agent).first()
        if owner is None:
            raise CommandError(f"There is no agent “{agent}”. Register it first.")
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder that can be read.")
        sender = Sender(owner.pk, owner.name)
        found = list(transcripts(folder))
        total: Counter[str] = Counter()
        unreadable = 0
        self._row("session", COLUMNS)
        for place in found:
            name = str(place.relative_to(folder))
            try:
                account = import_session(sender=sender, files=files_of(place), now=database_now())
            except (OSError, IngestError) as error:
                unreadable += 1
                self.stdout.write(f"{name:<40} cannot be read: {error}")
                continue
            self._report(name, account)
            total.update({column: getattr(account, column) for column in COLUMNS})
        self._row(f"{len(found)} sessions", [str(total[column]) for column in COLUMNS])
        if unreadable:
            raise CommandError(f"{unreadable} of {len(found)} folders could not be read; the others are imported.")

    def _report(self, name: str, account: Account) -> None:
        self._row(name, [str(getattr(account, column)) for column in COLUMNS])
        if account.intact is False:
            self.stdout.write("    the transcript does not have its recorded SHA-256")
        for reason, count in account.reasons.items():
            self.stdout.write(f"    {count} rejected: {reason}")
        for reason, count in account.aside.items():
            self.stdout.write(f"    {count} beside the lines: {reason}")

    def _row(self, name: str, values: Any) -> None:
        self.stdout.write(f"{name:<40}" + "".join(f"{value:>11}" for value in values))
