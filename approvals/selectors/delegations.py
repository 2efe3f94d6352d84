"""Reading delegations: whose right somebody may use now, and who is away."""

from dataclasses import dataclass
from datetime import datetime

from approvals.models import Delegation
from portal.identity.models import Person


@dataclass(frozen=True)
class StandIn:
    """A delegation that runs, seen from its receiver: whose right it is, and who arranged it."""

    delegation: Delegation
    giver: Person
    made_by: Person


def held_by(person: Person, *, now: datetime) -> list[StandIn]:
    """The delegations that run and whose receiver this person is."""
    running = Delegation.objects.filter(receiver=person, starts_at__lte=now, ends_at__gt=now, ended_at=None)
    return [StandIn(row, row.giver, row.made_by) for row in running.select_related("giver", "made_by")]


def away_now(now: datetime) -> frozenset[object]:
    """The ids of everybody who is away."""
    running = Delegation.objects.filter(starts_at__lte=now, ends_at__gt=now, ended_at=None)
    return frozenset(running.values_list("giver_id", flat=True))
