"""`manage.py upgrade`: bring the database to this version, as its owner, and set the app's rights."""

from datetime import date
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from portal.ledger.services import provision
from portal.ledger.signing import create_keys_if_missing


class Command(BaseCommand):
    help = "Migrate, create partitions and keys, and give the application's role exactly its rights."

    def handle(self, *args: Any, **options: Any) -> None:
        alias = "owner" if "owner" in connections.databases else "default"
        for path in create_keys_if_missing():
            self.stdout.write(f"made the key {path.name}")
        call_command("migrate", database=alias, verbosity=options["verbosity"], interactive=False)
        provision.make_partitions(alias=alias, today=_today(alias))
        app_role = settings.DATABASES["default"]["USER"]
        provision.grant_rights(alias=alias, app_role=app_role)
        provision.publish_keys(alias=alias)


def _today(alias: str) -> date:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date")
        today: date = cursor.fetchone()[0]
    return today
