"""Stops agents from the command line: with the database and nothing else, or with the stop file alone."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from uuid_utils.compat import uuid7

from portal.errors import PortalError
from portal.identity.models import Person, Team
from registry.models import Agent
from registry.rules.kill import KillError, Scope, ScopeKind
from registry.rules.stop_journal import OfflineOrder, scope_of
from registry.rules.stopfile import StopFileError
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.stopfile import stop_path
from registry.services.kill import order_kill
from registry.services.stop_journal import enter_offline_orders
from registry.services.stopfile import order_offline, publish_stops

# What entering an offline order adds to its reason must still fit.
_MOST_OFFLINE = MOST_TEXT - 400


class Command(BaseCommand):
    """``manage.py kill all|team|agent|run|action|repository [<name>] --reason … --by <e-mail> [--offline]``."""

    help = (
        "Stop everything, a team, an agent, a run, an action type or a repository. The person named must hold the "
        "right to. With --offline it needs no database: the stop goes into the signed stop file and a journal, names "
        "are ids, and the portal enters it when the database is back. Resuming needs two people on the portal."
    )
    # A check of the database would keep the command from what it is for.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = [kind.value for kind in ScopeKind if kind is not ScopeKind.DRILL]
        parser.add_argument("kind", nargs="?", default="", choices=["", *kinds])
        parser.add_argument("name", nargs="?", default="", help="slug or id, action type, repository; none for all")
        parser.add_argument("--reason", default="", help="goes into the record as written")
        parser.add_argument("--by", required=True, metavar="E-MAIL", help="who orders the stop")
        parser.add_argument("--offline", action="store_true", help="without the database: write the stop file alone")
        parser.add_argument(
            "--enter", action="store_true", help="enter the stops that were ordered offline, in place of who may not"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["enter"]:
            self._enter(options["by"])
            return
        if not options["kind"]:
            raise CommandError("Say what to stop: all, team, agent, run, action or repository. Nothing was stopped.")
        kind = ScopeKind(options["kind"])
        if (kind is ScopeKind.ALL) is bool(options["name"]):
            raise CommandError("Name what is to be stopped, and nothing for all. Nothing was stopped.")
        if options["offline"]:
            self._offline(kind, options)
        else:
            self._online(kind, options)

    def _online(self, kind: ScopeKind, options: dict[str, Any]) -> None:
        person, scope = _person(options["by"]), _scope(kind, options["name"])
        try:
            order = order_kill(actor=person, kind=kind, scope_id=scope, reason=options["reason"])
        except PortalError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Stop {order.number} is in force over {order.label}, epoch {order.epoch}.")

    def _offline(self, kind: ScopeKind, options: dict[str, Any]) -> None:
        fault = fault_in(options["reason"], most=_MOST_OFFLINE, lines=True)
        if fault or "@" not in options["by"]:
            wrong = f"The reason {fault}." if fault else "--by must be an e-mail address."
            raise CommandError(f"{wrong} Nothing was stopped.")
        try:
            order = OfflineOrder(
                id=uuid7(),
                at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                kind=kind,
                scope=scope_of(kind, options["name"]),
                by=options["by"],
                reason=options["reason"].strip(),
            )
            written = order_offline(order=order)
        except KillError as error:
            raise CommandError(
                f"{error} Offline, teams, agents and runs are named by id. Nothing was stopped."
            ) from error
        except (OSError, StopFileError) as error:
            raise CommandError(f"{error}\nThe stop file was not written.") from error
        self.stdout.write(
            f"{order.key} is stopped in {stop_path()} (sequence {written.sequence}). It holds for every enforcement "
            "point that reads the file, and is entered into the record when the database is back."
        )

    def _enter(self, email: str) -> None:
        for order in enter_offline_orders(actor=_person(email)):
            self.stdout.write(f"Stop {order.number} is in force over {order.label}, epoch {order.epoch}.")
        publish_stops()


def _person(email: str) -> Person:
    person = Person.objects.filter(email__iexact=email, is_active=True).first()
    if person is None:
        raise CommandError(f"No active person has the e-mail address {email}. Nothing was stopped.")
    return person


def _scope(kind: ScopeKind, name: str) -> Scope:
    """What is named, by id or, for teams and agents, by slug."""
    found: UUID | None = None
    if kind is ScopeKind.TEAM:
        found = Team.objects.filter(slug=name).values_list("pk", flat=True).first()
    elif kind is ScopeKind.AGENT:
        found = Agent.objects.filter(slug=name).values_list("pk", flat=True).first()
    if found is not None:
        return found
    try:
        return scope_of(kind, name)
    except KillError as error:
        raise CommandError(f"There is no {kind.value} {name}. Nothing was stopped.") from error
