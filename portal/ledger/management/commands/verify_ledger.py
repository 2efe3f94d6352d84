"""`manage.py verify_ledger`: re-derive the whole log; exit 1 naming the first bad index."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.ledger.selectors.audit import audit_log


class Command(BaseCommand):
    help = "Re-derive every leaf, root, signature and query column of the ledger from the stored bytes."

    def handle(self, *args: Any, **options: Any) -> None:
        result = audit_log()
        for fault in result.faults[:50]:
            place = "log" if fault.index is None else f"index {fault.index}"
            self.stderr.write(f"{place}: {fault.reason}")
        if result.faults:
            bad = [fault.index for fault in result.faults if fault.index is not None]
            first = f"first bad index {min(bad)}" if bad else "no index is bad by itself"
            raise CommandError(f"{len(result.faults)} faults; {first}", returncode=1)
        self.stdout.write(f"{result.entries} entries and {result.checkpoints} checkpoints verify")
