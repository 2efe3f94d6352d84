"""Stops agents from the command line: needs the database and nothing else, so it works when the web does not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.errors import PortalError
from portal.identity.models import Person, Team
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill


class Command(BaseCommand):
    """``manage.py kill all|team <slug>|agent <slug> --reason … --by <e-mail>``."""

    help = "Stop everything, a team or an agent. The person named must hold the right to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=[kind.value for kind in ScopeKind])
        parser.add_argument("slug", nargs="?", default="", help="the team's or agent's; none for all")
        parser.add_argument("--reason", required=True, help="goes into the record as written")
        parser.add_argument("--by", required=True, metavar="E-MAIL", help="who orders the stop")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = ScopeKind(options["kind"])
        scope_id = self._scope_id(kind, options["slug"])
        person = Person.objects.filter(email__iexact=options["by"], is_active=True).first()
        if person is None:
            raise CommandError(f"No active person has the e-mail address {options['by']}. Nothing was stopped.")
        try:
            order = order_kill(actor=person, kind=kind, scope_id=scope_id, reason=options["reason"])
        except PortalError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Stop {order.number} is in force over {order.label}, epoch {order.epoch}.")

    def _scope_id(self, kind: ScopeKind, slug: str) -> Any:
        if (kind is ScopeKind.ALL) is bool(slug):
            raise CommandError("Name a team or an agent by its slug, and nothing for all. Nothing was stopped.")
        if kind is ScopeKind.ALL:
            return None
        model: type[Team | Agent] = Team if kind is ScopeKind.TEAM else Agent
        found = model.objects.filter(slug=slug).values_list("pk", flat=True).first()
        if found is None:
            raise CommandError(f"There is no {kind.value} {slug}. Nothing was stopped.")
        return found
