"""`manage.py seal_ledger`: seal everything that is committed, once; for a portal without workers."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.ledger.services.seal import seal
from portal.ledger.signing import load_signer


class Command(BaseCommand):
    help = "Give every committed entry its place in the log and sign a checkpoint."

    def handle(self, *args: Any, **options: Any) -> None:
        signer = load_signer("log")
        total = 0
        while True:
            sealed = seal(signer=signer)
            if sealed is None:
                self.stdout.write("another sealer is at work; nothing was done here")
                return
            total += sealed.count
            if not sealed.count:
                self.stdout.write(f"sealed {total} entries; the log has {sealed.size}")
                return
