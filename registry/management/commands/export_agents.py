"""Writes what a person may see of the registry as a policy file."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.errors import PortalError
from portal.identity.models import Person
from registry.selectors.agents import agent_for
from registry.selectors.manifest import file_of, whole_file


class Command(BaseCommand):
    """``manage.py export_agents --by <e-mail> [<slug> …]``, to standard output."""

    help = "Write agents with their policies as YAML: those named, or all that the person may see with the baselines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="SLUG", help="agents; none for everything")
        parser.add_argument("--by", required=True, metavar="E-MAIL", help="whose sight counts")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=options["by"], is_active=True).first()
        if person is None:
            raise CommandError(f"No active person has the e-mail address {options['by']}. Nothing was written.")
        if not options["slugs"]:
            self.stdout.write(whole_file(person), ending="")
            return
        try:
            self.stdout.write(file_of([agent_for(person, slug) for slug in options["slugs"]]), ending="")
        except PortalError as error:
            raise CommandError(error.detail) from error
