"""Reading stops: which are in force, over what, and whether a scope's epoch still stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from registry.models import Agent, Finding, KillOrder, KillState
from registry.rules.kill import (
    OrderState,
    ScopeKind,
    combined_epoch,
    keys_over,
    may_agree,
    parse_scope_key,
    scope_key,
)
from registry.selectors.agents import SEES_ALL, may_stop, visible_agents
from registry.selectors.stop_targets import names_repository


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


def stopped_since(keys: Collection[str], moment: datetime) -> bool:
    """Whether something under one of the keys was stopped since the moment, resumed or not."""
    return KillOrder.objects.filter(key__in=keys, ordered_at__gte=moment).exists()


def visible_orders(person: Person) -> QuerySet[KillOrder]:
    """The stops that touch what the person may see.

    Stops of everything and of an action type touch everyone. A repository's name is told to those alone who see
    an agent that works in it.
    """
    orders = KillOrder.objects.select_related("ordered_by", "agent")
    authority = authority_of(person)
    if any(authority.has(role) for role in SEES_ALL):
        return orders
    teams = set(authority.teams) | {team for _, team in authority.roles if team is not None}
    agents = visible_agents(person).order_by()
    seen = Q(kind__in=[ScopeKind.ALL.value, ScopeKind.ACTION.value])
    seen |= Q(key__in=[scope_key(ScopeKind.TEAM, team) for team in teams])
    seen |= Q(agent__in=agents.values("pk"))
    return orders.filter(seen | Q(key__in=_repositories_of(agents)))


def _repositories_of(agents: QuerySet[Agent]) -> list[str]:
    """The keys of all repositories ever stopped that the scope of one of these agents names."""
    ever = KillOrder.objects.filter(kind=ScopeKind.REPOSITORY.value).order_by().values_list("key", flat=True).distinct()
    keys = list(ever)
    if not keys:
        return []
    lists = agents.exclude(revision=None).values_list("revision__document__scope__repositories", flat=True)
    entries = [entry for one in lists for entry in one or []]
    return [key for key in keys if names_repository(entries, str(parse_scope_key(key)[1]))]


def repositories_seen_by(person: Person) -> list[str]:
    """The repositories that scopes of visible agents name in full, for a choice; patterns are left out."""
    lists = visible_agents(person).order_by().exclude(revision=None)
    named = lists.values_list("revision__document__scope__repositories", flat=True)
    names = {entry.partition("#")[0] for one in named for entry in one or []}
    return sorted(name for name in names if not set(name) & {"*", "?"})


@dataclass(frozen=True, kw_only=True)
class OrderSearch:
    """What the list of stops is narrowed to; empty means any."""

    q: str = ""
    kind: str = ""
    state: str = ""


def find_orders(person: Person, search: OrderSearch) -> QuerySet[KillOrder]:
    """The visible stops that match."""
    orders = visible_orders(person)
    if search.q:
        orders = orders.filter(Q(label__icontains=search.q) | Q(reason__icontains=search.q))
    if search.kind:
        orders = orders.filter(kind=search.kind)
    return orders.filter(state=search.state) if search.state else orders


def findings_under(order: KillOrder, person: Person) -> QuerySet[Finding]:
    """What was noticed about the stop, such as activity after it, of the agents that the person may see."""
    seen = visible_agents(person).order_by().values("pk")
    return order.findings.filter(Q(agent__in=seen) | Q(agent=None)).select_related("agent").order_by("noticed_at")


def order_for(person: Person, number: int) -> KillOrder:
    order = visible_orders(person).filter(number=number).first()
    if order is None:
        raise NotFound("There is no such stop, or it is not yours to see.")
    return order


def resume_refusal(person: Person, order: KillOrder) -> str | None:
    """Why this person may not agree to resume, in a sentence, or None; the service asks the same."""
    if order.state != OrderState.ACTIVE.value:
        return f"Stop {order.number} has ended already."
    if order.kind == ScopeKind.DRILL.value:
        return "A drill ends by itself once it is measured."
    if not may_stop(authority_of(person), team_of(order)):
        return f"You may not resume {order.label}: {_WHO_RESUMES[ScopeKind(order.kind)]}"
    return may_agree(person.human, ordered_by=human_that_ordered(order), agreed=humans_that_agreed(order))


def human_that_ordered(order: KillOrder) -> UUID | None:
    """The natural person who ordered the stop; None for the schedule of drills."""
    return None if order.ordered_by is None else order.ordered_by.human


def humans_that_agreed(order: KillOrder) -> list[UUID]:
    """The natural persons who have agreed that the stop may end, whether or not they still may."""
    return list(order.agreements.values_list("person__human", flat=True))


_SECURITY_ALONE = "only people with the role security do."
_OWNERS = "only managers of its owner team and people with the role security do."
_WHO_RESUMES = {
    ScopeKind.ALL: "only people with the role security resume everything.",
    ScopeKind.TEAM: "only the team's managers and people with the role security do.",
    ScopeKind.AGENT: _OWNERS,
    ScopeKind.RUN: _OWNERS,
    ScopeKind.ACTION: _SECURITY_ALONE,
    ScopeKind.REPOSITORY: _SECURITY_ALONE,
}


def may_certify(person: Person, order: KillOrder) -> bool:
    """Who gets a stop's certificate, which names points and calls: auditors, security, the team's own managers."""
    authority = authority_of(person)
    return any(authority.has(role) for role in SEES_ALL) or may_stop(authority, team_of(order))


def may_resume(team_id: UUID | None, *, ordered_by: Person | None) -> QuerySet[Person]:
    """The active accounts that could agree to resume a stop that ``ordered_by`` orders, under whichever account."""
    who = Q(role_assignments__role=Role.SECURITY.value)
    if team_id is not None:
        who |= Q(role_assignments__role=Role.MANAGER.value, role_assignments__team=team_id)
    people = Person.objects.filter(who, is_active=True)
    if ordered_by is not None:
        people = people.exclude(human=ordered_by.human)
    return people.distinct().order_by("name", "email")


def team_of(order: KillOrder) -> UUID | None:
    """The team that an order concerns, None where only security stops and resumes."""
    if order.agent is not None:
        return order.agent.owner_team_id
    kind, scope = parse_scope_key(order.key)
    return UUID(str(scope)) if kind is ScopeKind.TEAM else None
