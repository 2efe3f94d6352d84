"""Reading stops: which are in force, over what, and whether a scope's epoch still stands."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from registry.models import Agent, KillOrder, KillState
from registry.rules.kill import OrderState, ScopeKind, combined_epoch, keys_over, may_agree, parse_scope_key
from registry.selectors.agents import SEES_ALL, may_stop, visible_agents


@dataclass(frozen=True)
class KillStanding:
    """Whether something stops an agent now, and the epoch its grants must carry."""

    epoch: int
    stopped_by: tuple[str, ...]


def standing_of(agent: Agent) -> KillStanding:
    """The agent's kill standing, read fresh."""
    keys = keys_over(agent_id=agent.pk, team_id=agent.owner_team_id)
    states = KillState.objects.filter(key__in=keys)
    return KillStanding(
        combined_epoch(state.epoch for state in states),
        tuple(state.key for state in states if state.stopped),
    )


def orders_in_force() -> QuerySet[KillOrder]:
    return KillOrder.objects.filter(state=OrderState.ACTIVE.value).select_related("ordered_by")


def orders_over(agent: Agent) -> QuerySet[KillOrder]:
    """The stops in force that cover the agent, widest first by age."""
    return orders_in_force().filter(key__in=keys_over(agent_id=agent.pk, team_id=agent.owner_team_id))


def stopped_agent_ids(agents: list[Agent]) -> set[UUID]:
    """Which of the agents something stops now: one query, for lists."""
    stopped = set(KillState.objects.filter(stopped=True).values_list("key", flat=True))
    return {agent.pk for agent in agents if stopped & set(keys_over(agent_id=agent.pk, team_id=agent.owner_team_id))}


def visible_orders(person: Person) -> QuerySet[KillOrder]:
    """Stops of everything, and of teams and agents the person may see."""
    orders = KillOrder.objects.select_related("ordered_by")
    authority = authority_of(person)
    if any(authority.has(role) for role in SEES_ALL):
        return orders
    teams = set(authority.teams) | {team for _, team in authority.roles if team is not None}
    keys = {ScopeKind.ALL.value, *(f"team:{team}" for team in teams)}
    keys |= {f"agent:{agent}" for agent in visible_agents(person).values_list("pk", flat=True)}
    return orders.filter(key__in=keys)


def order_for(person: Person, number: int) -> KillOrder:
    order = visible_orders(person).filter(number=number).first()
    if order is None:
        raise NotFound("There is no such stop, or it is not yours to see.")
    return order


def resume_refusal(person: Person, order: KillOrder) -> str | None:
    """Why this person may not agree to resume, in a sentence, or None; the service asks the same."""
    if order.state != OrderState.ACTIVE.value:
        return f"Stop {order.number} has ended already."
    if not may_stop(authority_of(person), team_of(order)):
        return f"You may not resume {order.label}: {_WHO_RESUMES[ScopeKind(order.kind)]}"
    agreed = order.agreements.values_list("person_id", flat=True)
    return may_agree(person.pk, ordered_by=order.ordered_by_id, agreed=agreed)


_WHO_RESUMES = {
    ScopeKind.ALL: "only people with the role security resume everything.",
    ScopeKind.TEAM: "only the team's managers and people with the role security do.",
    ScopeKind.AGENT: "only managers of its owner team and people with the role security do.",
}


def may_resume(team_id: UUID | None, *, ordered_by: UUID) -> QuerySet[Person]:
    """The active people who could agree to resume a stop that ``ordered_by`` orders."""
    who = Q(role_assignments__role=Role.SECURITY.value)
    if team_id is not None:
        who |= Q(role_assignments__role=Role.MANAGER.value, role_assignments__team=team_id)
    people = Person.objects.filter(who, is_active=True).exclude(pk=ordered_by)
    return people.distinct().order_by("name", "email")


def team_of(order: KillOrder) -> UUID | None:
    """The team that an order concerns, None for a stop of everything."""
    kind, scope_id = parse_scope_key(order.key)
    if kind is ScopeKind.AGENT and scope_id is not None:
        return Agent.objects.values_list("owner_team_id", flat=True).get(pk=scope_id)
    return scope_id
