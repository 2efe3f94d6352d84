"""What the registry holds as a policy file: agents with their policies, and the baselines above them."""

from collections.abc import Iterable
from typing import Any

from portal.identity.models import Person, Team
from registry.models import Agent
from registry.rules.lifecycle import AgentState
from registry.rules.manifest import render
from registry.rules.manifest_schema import FACTS
from registry.selectors.agents import visible_agents, visible_teams
from registry.selectors.policies import ORGANISATION, Subject, revision_in_force

MOST_EXPORTED = 500


def exportable(person: Person) -> list[Agent]:
    """The registered agents that the person may see, in the order of their names; at most ``MOST_EXPORTED``."""
    gone = [AgentState.DRAFT.value, AgentState.RETIRED.value]
    agents = visible_agents(person).exclude(state__in=gone).select_related("deputy").order_by("name")
    return list(agents[:MOST_EXPORTED])


def file_of(agents: Iterable[Agent]) -> str:
    """A policy file of these agents alone."""
    return render(agents=[entry_of(agent) for agent in agents])


def whole_file(person: Person) -> str:
    """A policy file of everything that the person may see, the baselines included."""
    teams = {team.slug: _baseline(Subject.of_team(team)) for team in visible_teams(person)}
    return render(
        agents=[entry_of(agent) for agent in exportable(person)],
        organisation=_baseline(ORGANISATION),
        teams={slug: document for slug, document in teams.items() if document},
    )


def entry_of(agent: Agent) -> dict[str, Any]:
    """One agent as the file says it."""
    accountable, deputy = agent.accountable_person, agent.deputy
    return {
        **{name: getattr(agent, name) for name in FACTS},
        "owner_team": agent.owner_team.slug,
        "accountable_person": "" if accountable is None else accountable.email,
        "deputy": "" if deputy is None else deputy.email,
        "policy": agent.draft if agent.revision is None else agent.revision.document,
    }


def team_by_slug(slug: str) -> Team | None:
    """The team that a file names."""
    return Team.objects.select_related("group").filter(slug=slug).first()


def _baseline(subject: Subject) -> dict[str, Any]:
    revision = revision_in_force(subject)
    return {} if revision is None else dict(revision.document)
