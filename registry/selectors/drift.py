"""What repositories' committed policy files said when they were last reported, compared with what is in force."""

from dataclasses import dataclass

from portal.identity.models import Person
from registry.models import Agent, PolicySighting
from registry.rules.compare import Change, Direction, describe
from registry.rules.policy import Policy
from registry.selectors.agents import visible_agents
from registry.selectors.charters import policy_of

MOST = 200


@dataclass(frozen=True)
class Drift:
    """One repository's file and how it differs from the policy in force; no changes and no fault means the same."""

    sighting: PolicySighting
    changes: tuple[Change, ...]

    @property
    def status(self) -> str:
        """``unreadable``, ``differs`` or ``same``."""
        if self.sighting.fault:
            return "unreadable"
        return "differs" if self.changes else "same"


def latest_sightings(person: Person) -> list[Drift]:
    """The newest report of each repository of each agent that the person may see."""
    rows = (
        PolicySighting.objects.filter(agent__in=visible_agents(person).order_by())
        .select_related("agent", "agent__owner_team", "agent__revision")
        .order_by("agent__name", "repository", "-reported_at")
        .distinct("agent__name", "repository")
    )
    return [_compared(row) for row in rows[:MOST]]


def sightings_of(agent: Agent) -> list[Drift]:
    """The newest report of each repository of one agent."""
    rows = agent.sightings.select_related("agent", "agent__revision").order_by("repository", "-reported_at")
    return [_compared(row) for row in rows.distinct("repository")[:MOST]]


def _compared(sighting: PolicySighting) -> Drift:
    if sighting.document is None:
        return Drift(sighting, ())
    there = Policy.stored(sighting.document)
    changes = [one for one in describe(policy_of(sighting.agent), there) if one.direction is not Direction.UNCHANGED]
    return Drift(sighting, tuple(changes))
