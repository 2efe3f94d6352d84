"""Whether an agent that is being registered would carry on what a stop has ended."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from registry.models import Agent, KillOrder
from registry.rules.composition import fingerprint
from registry.rules.kill import KillError, OrderState, ScopeKind, parse_scope_key
from registry.rules.patterns import covers
from registry.rules.policy import Policy
from registry.selectors.charters import policy_of


@dataclass(frozen=True)
class StopBehind:
    """A stop in force that a registration would get around; ``stopped`` is the agent it was ordered for, if one."""

    order: KillOrder
    stopped: Agent | None
    because: str


def stop_behind(agent: Agent, policy: Policy) -> StopBehind | None:
    """The stop that a draft would escape: of everything, of its team, or of an agent that it takes after.

    It takes after a stopped agent of the same platform that reaches one of its repositories, or that is
    pinned to the same composition.
    """
    for order in _in_force(ScopeKind.ALL, ScopeKind.TEAM):
        if order.key in ("all", f"team:{agent.owner_team_id}"):
            return StopBehind(order, None, f"{order.label} {'are' if order.key == 'all' else 'is'} stopped")
    orders = {_scope_of(order): order for order in _in_force(ScopeKind.AGENT)}
    alike = Agent.objects.filter(pk__in=orders.keys() - {agent.pk}).select_related("owner_team", "revision")
    for stopped in alike.order_by("name"):
        because = _likeness(agent, policy, stopped)
        if because:
            return StopBehind(orders[stopped.pk], stopped, because)
    return None


def _in_force(*kinds: ScopeKind) -> QuerySet[KillOrder]:
    active = KillOrder.objects.filter(state=OrderState.ACTIVE.value, kind__in=[kind.value for kind in kinds])
    return active.select_related("ordered_by").order_by("number")


def _scope_of(order: KillOrder) -> UUID:
    _, scope = parse_scope_key(order.key)
    if not isinstance(scope, UUID):
        raise KillError(f"The key of {order} names no agent.")
    return scope


def _likeness(agent: Agent, policy: Policy, stopped: Agent) -> str:
    theirs = policy_of(stopped)
    pinned = policy.composition.pinned
    if pinned and fingerprint(pinned) == fingerprint(theirs.composition.pinned):
        return "it is pinned to the same composition"
    if agent.platform != stopped.platform:
        return ""
    for ours in policy.scope.repositories:
        if any(_overlap(ours, other) for other in theirs.scope.repositories):
            return f"it is of the same platform and reaches {ours}, too"
    return ""


def _overlap(one: str, other: str) -> bool:
    # The id that pins a repository to its host does not matter here: the same name is alike enough.
    one, other = one.partition("#")[0].lower(), other.partition("#")[0].lower()
    return covers(one, other) or covers(other, one)
