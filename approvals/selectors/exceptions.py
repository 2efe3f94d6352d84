"""Reading exceptions: which open a gate now, which are overdue, the register and who may do what with one."""

from datetime import datetime

from django.db.models import QuerySet

from approvals.models import GateException
from portal.errors import NotFound
from portal.identity.models import Person
from registry.models import Agent
from registry.selectors.agents import visible_agents


def visible_exceptions(person: Person) -> QuerySet[GateException]:
    """The exceptions of the agents that a person may see, newest first."""
    return GateException.objects.filter(agent__in=visible_agents(person).order_by()).select_related(
        "agent", "agent__owner_team", "owner", "asked_by", "decided_by", "ended_by", "closed_by"
    )


def exception_for(person: Person, number: int) -> GateException:
    found = visible_exceptions(person).filter(number=number).first()
    if found is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    return found


def overdue(agents: QuerySet[Agent], *, now: datetime) -> QuerySet[GateException]:
    """The exceptions of the agents that nobody looked at in time."""
    return GateException.objects.filter(
        agent__in=agents.order_by(), decided_at__isnull=False, closed_at=None, review_due_at__lte=now
    ).order_by("review_due_at")
