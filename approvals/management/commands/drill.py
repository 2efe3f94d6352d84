"""Rehearses a stop from the command line: on the canary at once, on a real agent after consent."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.jobs.drill import run_drill
from portal.errors import PortalError
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import holders_of
from registry.models import Agent, Drill
from registry.selectors.drills import canaries
from registry.services.canary import create_canary
from registry.services.drill import plan_drill


class Command(BaseCommand):
    """``manage.py drill canary [--create --team <slug>] --by <e-mail>``, or ``drill agent <slug> --by <e-mail>``."""

    help = (
        "Rehearse a stop and measure it. On the canary it runs at once and this command waits for it. On a real agent "
        "it is asked for: who answers for the agent consents on the portal, and the worker runs it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["canary", "agent"])
        parser.add_argument("slug", nargs="?", default="", help="the agent's; the canary needs none")
        parser.add_argument("--by", required=True, metavar="E-MAIL", help="who asks for the drill")
        parser.add_argument("--create", action="store_true", help="make the canary first, with --team")
        parser.add_argument("--team", default="", help="the slug of the team that answers for the new canary")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=options["by"], is_active=True).first()
        if person is None:
            raise CommandError(f"No active person has the e-mail address {options['by']}. Nothing was drilled.")
        try:
            if options["what"] == "agent":
                self._ask(person, options["slug"])
            else:
                self._canary(person, options)
        except PortalError as error:
            raise CommandError(error.detail) from error

    def _canary(self, person: Person, options: dict[str, Any]) -> None:
        if options["create"]:
            agent = self._create(person, options["team"])
            self.stdout.write(f"{agent.name} is registered with {agent.owner_team.name}.")
        canary = canaries().first()
        if canary is None:
            raise CommandError("There is no canary. Make one with --create --team <slug>. Nothing was drilled.")
        drill = plan_drill(actor=person, agent=canary)
        ended = run_drill(drill.pk) or Drill.objects.get(pk=drill.pk)
        self.stdout.write(f"Drill {ended.number}: {ended.state}. {ended.outcome}")

    def _create(self, person: Person, slug: str) -> Agent:
        team = Team.objects.filter(slug=slug).first()
        if team is None:
            raise CommandError(f"There is no team {slug or '(none named)'}. Nothing was made.")
        manager = holders_of(Role.MANAGER, team).first()
        if manager is None:
            raise CommandError(f"{team.name} has no manager who could answer for the canary. Nothing was made.")
        return create_canary(actor=person, team=team, accountable_person=manager)

    def _ask(self, person: Person, slug: str) -> None:
        agent = Agent.objects.select_related("owner_team", "accountable_person").filter(slug=slug).first()
        if agent is None:
            raise CommandError(f"There is no agent {slug or '(none named)'}. Nothing was drilled.")
        drill = plan_drill(actor=person, agent=agent)
        waits = f"{agent.accountable_person} consents on the portal" if not agent.canary else "the worker runs it now"
        self.stdout.write(f"Drill {drill.number} on {agent.name} is asked for; {waits}.")
