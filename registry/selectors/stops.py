"""What a stop would touch and how fast it would work, told before anyone orders it."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.identity.models import Person, Team
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, KillOrder
from registry.rules.kill import RESUME_QUORUM, EnforcementPoint, ScopeKind, WorstCase, scope_key, worst_case
from registry.rules.lifecycle import AgentState
from registry.selectors.kills import may_resume, orders_in_force

# The hook asks before every action and Claude Code gives up on it after its timeout, which denies.
HOOK_ANSWER_SECONDS = 10


@dataclass(frozen=True)
class StopTarget:
    """What is to be stopped: ``scope_id`` is the team's or agent's id, None for everything."""

    kind: ScopeKind
    scope_id: UUID | None
    team_id: UUID | None
    label: str

    @property
    def key(self) -> str:
        return scope_key(self.kind, self.scope_id)


@dataclass(frozen=True)
class StopForecast:
    """What a stop touches now. ``silent`` agents have never asked the portal, so no stop time holds for them."""

    agents: int
    silent: int
    credentials: int
    worst: WorstCase
    resumers: list[Person]
    in_force: KillOrder | None

    @property
    def can_be_resumed(self) -> bool:
        return len(self.resumers) >= RESUME_QUORUM


def everything() -> StopTarget:
    return StopTarget(ScopeKind.ALL, None, None, "all agents")


def of_team(team: Team) -> StopTarget:
    return StopTarget(ScopeKind.TEAM, team.pk, team.pk, f"team {team.name}")


def of_agent(agent: Agent) -> StopTarget:
    return StopTarget(ScopeKind.AGENT, agent.pk, agent.owner_team_id, agent.name)


def forecast(target: StopTarget, *, person: Person) -> StopForecast:
    """What happens when ``person`` orders the stop now; the order in force when there is one already."""
    agents = agents_in(target)
    total = agents.count()
    silent = agents.filter(last_seen_at=None).count()
    asking = [EnforcementPoint("The agent's hook", 0, HOOK_ANSWER_SECONDS)] if total > silent else []
    credentials = Credential.objects.filter(agent__in=agents, revoked_at=None, expires_at__gt=database_now())
    return StopForecast(
        agents=total,
        silent=silent,
        credentials=credentials.count(),
        worst=worst_case(asking),
        resumers=list(may_resume(target.team_id, ordered_by=person.pk)),
        in_force=orders_in_force().filter(key=target.key).first(),
    )


def agents_in(target: StopTarget) -> QuerySet[Agent]:
    """The registered agents that the stop covers; a draft has nothing to stop."""
    agents = Agent.objects.exclude(state__in=[AgentState.DRAFT.value, AgentState.RETIRED.value])
    if target.kind is ScopeKind.ALL:
        return agents
    return agents.filter(Q(owner_team=target.scope_id) if target.kind is ScopeKind.TEAM else Q(pk=target.scope_id))
