"""Finding runs: what a person may see, and the filters they ask for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from registry.models import Agent
from registry.selectors.agents import agent_for, visible_agents
from reports.models import Run, SourceCount

ORDER = ("-last_event_at", "-id")


@dataclass(frozen=True, kw_only=True)
class RunSearch:
    """What to look for; empty fields ask nothing. Days are UTC and ``until`` is included."""

    agent: str = ""
    team: str = ""
    repository: str = ""
    branch: str = ""
    model: str = ""
    initiator: str = ""
    outcome: str = ""
    session: str = ""
    since: date | None = None
    until: date | None = None


def visible_runs(person: Person) -> QuerySet[Run]:
    """The runs of the agents that the person may see."""
    return Run.objects.filter(agent__in=visible_agents(person).values("pk")).select_related(
        "agent", "agent__owner_team"
    )


def run_for(person: Person, run_id: UUID) -> Run:
    run = visible_runs(person).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run, or it is not yours to see.")
    return run


def runs_of_agent(person: Person, slug: str) -> tuple[Agent, QuerySet[Run]]:
    """The agent and its runs, newest first; NotFound when the person may not see the agent."""
    agent = agent_for(person, slug)
    return agent, Run.objects.filter(agent=agent).select_related("agent").order_by(*ORDER)


def search(person: Person, wanted: RunSearch) -> QuerySet[Run]:
    """The person's runs that match, unordered."""
    runs = visible_runs(person)
    exact = {"agent__slug": wanted.agent, "agent__owner_team__slug": wanted.team, "session_id": wanted.session}
    parts = {
        "repository__icontains": wanted.repository,
        "branch__icontains": wanted.branch,
        "model__icontains": wanted.model,
        "initiator__icontains": wanted.initiator,
    }
    runs = runs.filter(**{lookup: text for lookup, text in {**exact, **parts}.items() if text})
    if wanted.outcome in {"denied", "gated", "allowed"}:
        runs = runs.filter(**{f"{wanted.outcome}__gt": 0})
    if wanted.since is not None:
        runs = runs.filter(last_event_at__gte=_midnight(wanted.since))
    if wanted.until is not None:
        runs = runs.filter(started_at__lt=_midnight(wanted.until) + timedelta(days=1))
    return runs


def sources_in_trouble(person: Person) -> QuerySet[SourceCount]:
    """Sources of the person's agents that sent something unreadable, the latest first."""
    return (
        SourceCount.objects.filter(agent__in=visible_agents(person).values("pk"), rejected__gt=0)
        .select_related("agent")
        .order_by("-last_at", "-id")
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
