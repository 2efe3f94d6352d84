"""Reading agents: the only door to their rows, with visibility built in."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from guardian.shortcuts import get_objects_for_user

from portal.errors import NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of
from registry.models import Agent, Credential, KillState
from registry.rules.kill import ScopeKind, parse_scope_key
from registry.rules.lifecycle import AgentState

# Who sees every agent, whatever its team.
SEES_ALL = (Role.SECURITY, Role.AUDITOR)


def visible_agents(person: Person) -> QuerySet[Agent]:
    """The agents a person may see: their teams' (object permission), or all for security and auditors."""
    if not person.is_active:
        return Agent.objects.none()
    authority = authority_of(person)
    agents = Agent.objects.select_related("owner_team", "accountable_person", "deputy", "revision")
    if any(authority.has(role) for role in SEES_ALL):
        return agents
    visible: QuerySet[Agent] = get_objects_for_user(
        # Django's superuser flag is no role here: nobody decides or sees anything by it.
        person,
        "registry.view_agent",
        klass=agents,
        accept_global_perms=False,
        with_superuser=False,
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


STOPPED = "stopped"  # a status made from the stops in force, beside the stored states


@dataclass(frozen=True, kw_only=True)
class AgentSearch:
    """What a list of agents is narrowed to; empty means any. ``state`` is a stored state or ``stopped``."""

    q: str = ""
    team: str = ""
    state: str = ""
    platform: str = ""


def find_agents(person: Person, search: AgentSearch) -> QuerySet[Agent]:
    """The visible agents that match, unordered."""
    agents = visible_agents(person)
    if search.q:
        words = search.q
        agents = agents.filter(Q(name__icontains=words) | Q(slug__icontains=words) | Q(purpose__icontains=words))
    if search.team:
        agents = agents.filter(owner_team__slug=search.team)
    if search.platform:
        agents = agents.filter(platform=search.platform)
    if search.state == STOPPED:
        return agents.filter(_stopped_now())
    return agents.filter(state=search.state) if search.state else agents


def _stopped_now() -> Q:
    # A run, an action or a repository that is stopped leaves the agent itself at work.
    scopes: dict[ScopeKind, list[UUID | str | None]] = {kind: [] for kind in ScopeKind}
    for key in KillState.objects.filter(stopped=True).values_list("key", flat=True):
        kind, scope = parse_scope_key(key)
        scopes[kind].append(scope)
    if scopes[ScopeKind.ALL]:
        return ~Q(pk=None)
    teams, agents = scopes[ScopeKind.TEAM], scopes[ScopeKind.AGENT] + scopes[ScopeKind.DRILL]
    return Q(owner_team__in=teams) | Q(pk__in=agents)


def visible_teams(person: Person) -> QuerySet[Team]:
    """The teams whose agents a person may see."""
    authority = authority_of(person)
    if any(authority.has(role) for role in SEES_ALL):
        return Team.objects.order_by("name")
    return Team.objects.filter(pk__in=_own_teams(authority)).order_by("name")


def team_for(person: Person, slug: str) -> Team:
    """The team by slug; NotFound when the person may not see its agents."""
    team = visible_teams(person).filter(slug=slug).first()
    if team is None:
        raise NotFound("There is no such team, or it is not yours to see.")
    return team


def _own_teams(authority: Authority) -> set[UUID]:
    return set(authority.teams) | {team for _, team in authority.roles if team is not None}


def credentials_of(agent: Agent) -> QuerySet[Credential]:
    """Every credential ever issued to the agent, newest first."""
    return agent.credentials.select_related("created_by").order_by("-id")


def is_draft(agent: Agent) -> bool:
    return agent.state == AgentState.DRAFT.value
