"""Reading agents: the only door to their rows, with visibility built in."""

from uuid import UUID

from django.db.models import QuerySet
from guardian.shortcuts import get_objects_for_user

from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of
from registry.models import Agent

# Who sees every agent, whatever its team.
SEES_ALL = (Role.SECURITY, Role.AUDITOR)


def visible_agents(person: Person) -> QuerySet[Agent]:
    """The agents a person may see: their teams' (object permission), or all for security and auditors."""
    if not person.is_active:
        return Agent.objects.none()
    authority = authority_of(person)
    agents = Agent.objects.select_related("owner_team", "accountable_person", "revision")
    if any(authority.has(role) for role in SEES_ALL):
        return agents
    visible: QuerySet[Agent] = get_objects_for_user(
        person, "registry.view_agent", klass=agents, accept_global_perms=False
    )
    return visible


def agent_for(person: Person, reference: UUID | str) -> Agent:
    """The agent by id or slug; NotFound when the person may not see it."""
    lookup = {"pk": reference} if isinstance(reference, UUID) else {"slug": reference}
    agent = visible_agents(person).filter(**lookup).first()
    if agent is None:
        raise NotFound("There is no such agent, or it is not yours to see.")
    return agent


def may_manage(authority: Authority, agent: Agent) -> bool:
    """Managers of the owner team change an agent."""
    return authority.has(Role.MANAGER, agent.owner_team_id)


def may_stop(authority: Authority, team_id: UUID | None) -> bool:
    """Security stops anything; a team's managers stop their own team and its agents."""
    return authority.has(Role.SECURITY) or (team_id is not None and authority.has(Role.MANAGER, team_id))
