"""What can be stopped: everything, a team, an agent, a run, an action type, a repository; and whom each covers."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.errors import InvalidInput, NotFound
from portal.identity.models import Team
from portal.ledger.models import Entry
from registry.models import Agent, EnforcementPoint
from registry.rules import patterns
from registry.rules.actions import CATALOGUE
from registry.rules.kill import Scope, ScopeKind, parse_scope_key, scope_key
from registry.rules.lifecycle import AgentState
from registry.rules.names import Refused, normalise_repository
from registry.selectors.policies import ORGANISATION, revision_in_force

MOST_LABEL = 120


@dataclass(frozen=True)
class StopTarget:
    """What is to be stopped, and what the record calls it.

    ``team_id`` is the team whose managers may stop and resume it; None where only security may. ``agent`` is
    the agent of a stop of one agent, run or drill.
    """

    kind: ScopeKind
    scope_id: Scope
    team_id: UUID | None
    label: str
    agent: Agent | None = None

    @property
    def key(self) -> str:
        return scope_key(self.kind, self.scope_id)


def everything() -> StopTarget:
    return StopTarget(ScopeKind.ALL, None, None, "all agents")


def of_team(team: Team) -> StopTarget:
    return StopTarget(ScopeKind.TEAM, team.pk, team.pk, f"team {team.name}")


def of_agent(agent: Agent) -> StopTarget:
    return StopTarget(ScopeKind.AGENT, agent.pk, agent.owner_team_id, agent.name, agent)


def of_drill(agent: Agent) -> StopTarget:
    return StopTarget(ScopeKind.DRILL, agent.pk, agent.owner_team_id, _cut(f"a drill on {agent.name}"), agent)


def of_run(run_id: UUID, agent: Agent) -> StopTarget:
    label = _cut(f"run {str(run_id)[:8]} of {agent.name}")
    return StopTarget(ScopeKind.RUN, run_id, agent.owner_team_id, label, agent)


def of_action(key: str) -> StopTarget:
    """Raises NotFound for what is in no catalogue: a stop of a misspelled key would stop nothing."""
    label = action_labels().get(key)
    if label is None:
        raise NotFound(f"There is no action type {key[:60]}. Nothing was stopped.")
    return StopTarget(ScopeKind.ACTION, key, None, _cut(f"the action {key} ({label})"))


def of_repository(name: str) -> StopTarget:
    """Raises InvalidInput for a name that has no single meaning."""
    try:
        normal = normalise_repository(name)
    except Refused as refusal:
        raise InvalidInput(
            f"This is not the name of a repository: {refusal} Nothing was stopped.",
            errors=[{"pointer": "/target", "detail": "is not the name of a repository"}],
        ) from refusal
    return StopTarget(ScopeKind.REPOSITORY, normal, None, _cut(f"repository {normal}"))


def target_of(kind: ScopeKind, scope: Scope) -> StopTarget:
    """The target by its scope; raises NotFound or InvalidInput when it names nothing that can be stopped."""
    if kind is ScopeKind.ALL:
        if scope is not None:
            raise InvalidInput("A stop of everything names nothing in particular. Nothing was stopped.")
        return everything()
    if scope is None:
        raise InvalidInput(f"A stop of one {kind.value} must name the {kind.value}. Nothing was stopped.")
    if kind is ScopeKind.ACTION:
        return of_action(str(scope))
    if kind is ScopeKind.REPOSITORY:
        return of_repository(str(scope))
    if kind is ScopeKind.TEAM:
        team = Team.objects.filter(pk=scope).first()
        if team is None:
            raise NotFound("There is no such team. Nothing was stopped.")
        return of_team(team)
    if kind is ScopeKind.RUN:
        agent = agent_of_run(UUID(str(scope)))
        if agent is None:
            raise NotFound("No agent has reported or asked anything in such a run. Nothing was stopped.")
        return of_run(UUID(str(scope)), agent)
    agent = Agent.objects.select_related("owner_team").filter(pk=scope).first()
    if agent is None:
        raise NotFound("There is no such agent. Nothing was stopped.")
    return of_drill(agent) if kind is ScopeKind.DRILL else of_agent(agent)


def target_of_key(key: str) -> StopTarget:
    """The target of an order in force or ended, by its key. What has left the catalogue since is still named."""
    kind, scope = parse_scope_key(key)
    if kind is ScopeKind.ACTION:
        return StopTarget(kind, scope, None, f"the action {scope}")
    return target_of(kind, scope)


def agent_of_run(run_id: UUID) -> Agent | None:
    """Whose run it is: a run's id tells nobody, but every entry of it does, and so does a lease."""
    entries = Entry.objects.filter(run_id=run_id).exclude(agent_id=None).values_list("agent_id", flat=True)
    found = entries.order_by().first()
    if found is None:
        found = EnforcementPoint.objects.filter(run_id=run_id).values_list("agent_id", flat=True).first()
    return None if found is None else Agent.objects.select_related("owner_team").filter(pk=found).first()


def action_labels() -> dict[str, str]:
    """Every action type that a stop can name, with its label: the built-in ones and the organisation's."""
    labels = {key: kind.label for key, kind in CATALOGUE.items()}
    revision = revision_in_force(ORGANISATION)
    own = {} if revision is None else revision.document.get("actions", {})
    return labels | {key: str(entry.get("label", key)) for key, entry in own.items()}


def agents_in(target: StopTarget) -> QuerySet[Agent]:
    """The registered agents that the stop covers, at least in part; a draft has nothing to stop."""
    agents = Agent.objects.exclude(state__in=[AgentState.DRAFT.value, AgentState.RETIRED.value])
    if target.kind in (ScopeKind.ALL, ScopeKind.ACTION):
        return agents
    if target.kind is ScopeKind.TEAM:
        return agents.filter(owner_team=target.team_id)
    if target.kind is ScopeKind.REPOSITORY:
        return agents.filter(pk__in=_working_in(str(target.scope_id), agents))
    return agents.none() if target.agent is None else agents.filter(pk=target.agent.pk)


def points_in(target: StopTarget) -> QuerySet[EnforcementPoint]:
    """The enforcement points that must learn of the stop, whatever became of their leases."""
    points = EnforcementPoint.objects.select_related("agent").order_by("name", "id")
    if target.kind in (ScopeKind.ALL, ScopeKind.ACTION):
        return points
    if target.kind is ScopeKind.TEAM:
        return points.filter(agent__owner_team=target.team_id)
    if target.kind is ScopeKind.RUN:
        return points.filter(run_id=target.scope_id)
    if target.kind is ScopeKind.REPOSITORY:
        holders = Agent.objects.filter(pk__in=points.order_by().values("agent"))
        return points.filter(agent__in=_working_in(str(target.scope_id), holders))
    return points.filter(agent=target.agent)


def _working_in(repository: str, agents: QuerySet[Agent]) -> list[UUID]:
    """Those of the agents whose scope has the repository. Each has a handful of patterns: they are tried in turn."""
    documents = agents.filter(~Q(revision=None)).order_by().values_list("pk", "revision__document__scope__repositories")
    return [agent for agent, entries in documents if names_repository(entries or [], repository)]


def names_repository(entries: list[str], repository: str) -> bool:
    """Whether a scope's list names the repository. What follows ``#`` pins it to its host's id."""
    return bool(patterns.compile_globs(tuple(entry.partition("#")[0] for entry in entries)).matches(repository))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LABEL else text[: MOST_LABEL - 1] + "…"
