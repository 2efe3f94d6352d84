"""Reading drills: who sees them, who may do what with one, and which agents are overdue for one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Drill, DrillState, KillOrder
from registry.rules.drill import Observed, due_at, is_overdue, to_be_planned
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import may_stop, visible_agents
from registry.selectors.points import progress_of

OPEN = (DrillState.WAITING.value, DrillState.RUNNING.value)
# The entry that every check leaves (approvals.events.CheckDecided), by name: this floor does not know approvals.
_CHECK = "approvals.check.decided"
_WITH = ("agent", "agent__owner_team", "ordered_by", "consent_by", "order")


def visible_drills(person: Person) -> QuerySet[Drill]:
    return Drill.objects.filter(agent__in=visible_agents(person)).select_related(*_WITH)


def drill_for(person: Person, number: int) -> Drill:
    drill = visible_drills(person).filter(number=number).first()
    if drill is None:
        raise NotFound("There is no such drill, or it is not yours to see.")
    return drill


def may_order(person: Person, agent: Agent) -> bool:
    """Who may stop an agent may have its stop rehearsed."""
    return may_stop(authority_of(person), agent.owner_team_id)


def may_consent(person: Person, drill: Drill) -> bool:
    return person.is_active and person.pk in {drill.agent.accountable_person_id, drill.agent.deputy_id}


def waits_for_consent(drill: Drill) -> bool:
    return drill.state == DrillState.WAITING.value and not drill.agent.canary and drill.consent_by_id is None


def ready_drills() -> QuerySet[Drill]:
    """Those that can start now: on a canary, or with consent."""
    waiting = Drill.objects.filter(state=DrillState.WAITING.value).select_related(*_WITH)
    return waiting.filter(Q(agent__canary=True) | Q(consent_by__isnull=False)).order_by("number")


def canaries() -> QuerySet[Agent]:
    return Agent.objects.filter(canary=True, state=AgentState.ACTIVE.value).select_related("owner_team")


@dataclass(frozen=True)
class Standing:
    """When an agent last passed a drill and when the next is due."""

    agent: Agent
    passed_at: datetime | None
    due: datetime
    overdue: bool

    @property
    def sentence(self) -> str:
        if self.passed_at is None:
            return f"No drill on {self.agent.name} has ever passed."
        return f"The last drill that {self.agent.name} passed was on {self.passed_at.day} {self.passed_at:%B %Y}."


def standings(agents: QuerySet[Agent], *, now: datetime | None = None) -> list[Standing]:
    """Where each active agent stands with its drills, in the order of its due date: one query."""
    now = now or database_now()
    passed = Max("drills__ended_at", filter=Q(drills__state=DrillState.PASSED.value))
    active = agents.filter(state=AgentState.ACTIVE.value).annotate(drill_passed_at=passed)
    return sorted((_standing(agent, agent.drill_passed_at, now) for agent in active), key=lambda one: one.due)


def standing_of(agent: Agent, *, now: datetime | None = None) -> Standing | None:
    """The same for one agent; None for one that has nothing to drill."""
    return next(iter(standings(Agent.objects.filter(pk=agent.pk), now=now)), None)


def overdue(agents: QuerySet[Agent], *, now: datetime | None = None) -> list[Standing]:
    """The active ones of these agents that are overdue for a drill, longest first."""
    return [one for one in standings(agents, now=now) if one.overdue]


def last_passed(agents: QuerySet[Agent], *, before: datetime) -> Drill | None:
    """The newest drill on one of the agents that had passed by then."""
    passed = Drill.objects.filter(agent__in=agents, state=DrillState.PASSED.value, ended_at__lte=before)
    return passed.select_related("agent").order_by("-ended_at").first()


def due_canaries(*, now: datetime) -> list[Agent]:
    """The canaries that the schedule drills now: none of them has a drill open."""
    busy = Drill.objects.filter(state__in=OPEN).values("agent")
    last = (
        canaries()
        .exclude(pk__in=busy)
        .annotate(
            drill_passed_at=Max("drills__ended_at", filter=Q(drills__state=DrillState.PASSED.value)),
            drill_ended_at=Max("drills__ended_at"),
        )
    )
    return [
        agent
        for agent in last
        if to_be_planned(
            passed_at=agent.drill_passed_at,
            ended_at=agent.drill_ended_at,
            now=now,
            days=settings.BAILIWICK_DRILL_CANARY_DAYS,
        )
    ]


def observed(order: KillOrder) -> Observed:
    """What has been seen since the order: points that heard of it, and the first check that was refused."""
    progress = progress_of(order)
    refused = first_refused(order.agent_id, order.ordered_at)
    return Observed(
        points=tuple(one.after_ms for one in progress.told),
        refused=None if refused is None else _ms(refused, order.ordered_at),
        out=len(progress.out),
    )


def first_refused(agent_id: UUID | None, since: datetime) -> datetime | None:
    """When the agent's first check after ``since`` was refused."""
    refused = Entry.objects.filter(agent_id=agent_id, type=_CHECK, outcome="deny", recorded_at__gte=since)
    return refused.order_by("recorded_at").values_list("recorded_at", flat=True).first()


def may_create_canary(person: Person) -> bool:
    return authority_of(person).has(Role.SECURITY)


def _standing(agent: Agent, passed_at: datetime | None, now: datetime) -> Standing:
    days = settings.BAILIWICK_DRILL_CANARY_DAYS if agent.canary else settings.BAILIWICK_DRILL_AGENT_DAYS
    due = due_at(passed_at=passed_at, since=agent.registered_at or agent.created_at, days=days)
    return Standing(agent, passed_at, due, is_overdue(due=due, now=now, canary=agent.canary))


def _ms(at: datetime, since: datetime) -> int:
    return max(0, round((at - since).total_seconds() * 1000))
