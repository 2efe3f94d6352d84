"""``manage.py seed_demo``: fill an empty portal with an invented organisation and a week of its agents' work."""

from argparse import ArgumentParser
from datetime import UTC
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from registry.services.credential import issue_credential
from reports.demo.evidence import make_package
from reports.demo.organisation import demonstration_exists
from reports.demo.papers import SIGN_INS, new_password, write_agent, write_sign_ins
from reports.demo.week import Week, make_week
from reports.models import Package, Run


class Command(BaseCommand):
    help = "Fill the portal with a demonstration. Does nothing where it is already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="also when other people exist already")

    def handle(self, *args: Any, **options: Any) -> None:
        if demonstration_exists():
            cut = "" if Package.objects.exists() else " An earlier seeding was cut short: part is missing."
            self.stdout.write(f"The demonstration is here already; nothing was changed.{cut}")
            return
        if Person.objects.exists() and not options["force"]:
            raise CommandError("People exist here already. --force adds the demonstration beside them.")
        now = database_now().astimezone(UTC)
        password = new_password()
        # Before the people: whatever cuts the seeding short, whoever exists by then can sign in.
        write_sign_ins(settings.BAILIWICK_DATA_DIR, password=password)
        with connection.cursor() as cursor:
            # A thousand small transactions need not each wait for the disk; the last ones below do, for all of them.
            cursor.execute("SET synchronous_commit TO off")
            week = make_week(now=now, password=password)
            cursor.execute("RESET synchronous_commit")
        self._connect_an_agent(week)
        package = make_package(auditor=week.organisation.people["ruth"], now=now)
        self.stdout.write(
            f"{len(week.organisation.people)} people, {len(week.cast.agents)} agents, {Run.objects.count()} runs, "
            f"{package.label} is {package.state}. Sign-ins: {settings.BAILIWICK_DATA_DIR / SIGN_INS}"
        )

    def _connect_an_agent(self, week: Week) -> None:
        playing = week.cast.agents["maintainer"]
        manager = week.organisation.people[playing.casting.manager]
        _, token = issue_credential(actor=manager, agent=playing.agent, name="A reader's first try", days=7)
        write_agent(
            settings.BAILIWICK_DATA_DIR,
            base_url=settings.BAILIWICK_BASE_URL,
            agent=playing.agent.name,
            repository=playing.casting.repositories[0],
            token=token,
        )
