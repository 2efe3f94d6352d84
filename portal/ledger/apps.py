"""The app that keeps the append-only record."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from portal.ledger.checks import ledger_is_protected


class LedgerConfig(AppConfig):
    name = "portal.ledger"
    label = "ledger"
    verbose_name = "Ledger"

    def ready(self) -> None:
        register(ledger_is_protected, Tags.database)
