"""Plans and applies a policy file from a terminal."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.errors import PortalError
from portal.identity.models import Person
from registry.rules.manifest import Manifest, read
from registry.rules.yaml_lines import YamlError
from registry.selectors.policies import catalogue_in_force
from registry.services.manifest import apply_file, plan_file


class Command(BaseCommand):
    """``manage.py import_agents FILE --by <e-mail> --reason … [--apply]``; ``-`` reads standard input."""

    help = "Show what a policy file would change, and with --apply change it, with the rights of the person named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a YAML file, or - for standard input")
        parser.add_argument("--by", required=True, metavar="E-MAIL", help="whose change it is")
        parser.add_argument("--reason", required=True, help="goes into the record as written")
        parser.add_argument("--apply", action="store_true", help="do it; without this only the plan is shown")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=options["by"], is_active=True).first()
        if person is None:
            raise CommandError(f"No active person has the e-mail address {options['by']}. Nothing was applied.")
        manifest = self._manifest(options["file"])
        plan = plan_file(actor=person, manifest=manifest, reason=options["reason"])
        for step in plan.steps:
            self.stdout.write(f"{step.kind.value:<10} {step.what}: {step.sentence}")
            for change in step.changes:
                self.stdout.write(f"           {change}")
        if plan.refused:
            raise CommandError("The file cannot be applied as it stands. Nothing was applied.")
        if not options["apply"] or not plan.doing:
            self.stdout.write("Nothing was applied." if plan.doing else "Nothing differs from the registry.")
            return
        try:
            results = apply_file(actor=person, manifest=manifest, reason=options["reason"], digest=plan.digest)
        except PortalError as error:
            raise CommandError(error.detail) from error
        for one in results:
            self.stdout.write(f"{'done' if one.done else 'NOT DONE':<10} {one.step.what}: {one.sentence}")
        if not all(one.done for one in results):
            raise CommandError("Some steps were not done; the others are in force.")

    def _manifest(self, name: str) -> Manifest:
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name} cannot be read: {error}. Nothing was applied.") from error
        try:
            return read(text, catalogue=catalogue_in_force())
        except YamlError as error:
            told = "\n".join(f"{name}:{fault.line}: {fault.detail}" for fault in error.faults)
            raise CommandError(f"{told}\nNothing was applied.") from error
