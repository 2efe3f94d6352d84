"""How far a stop has come: which enforcement points have heard of it, and which may still go on and until when."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from registry.models import EnforcementPoint, KillOrder, StopAcknowledgement
from registry.rules.kill import ScopeKind, StopStatus, stop_status
from registry.selectors.agents import SEES_ALL, visible_agents
from registry.selectors.stop_targets import points_in, target_of_key


@dataclass(frozen=True)
class Told:
    """A point that has heard of the stop, or whose lease ended without a word (``by_expiry``)."""

    point: str
    kind: str
    agent: str
    agent_id: UUID
    at: datetime
    after_ms: int
    by_expiry: bool


@dataclass(frozen=True)
class StillOut:
    """A point that has not heard of the stop and may go on until its lease ends."""

    point: str
    kind: str
    agent: str
    agent_id: UUID
    lease_expires_at: datetime
    seconds_left: int


@dataclass(frozen=True)
class Progress:
    """How far a stop has come at ``now``. ``stopped_at`` is when the last point had stopped, once it has.

    ``elsewhere`` counts points of agents that the reader may not see; they are in neither list.
    """

    status: StopStatus
    told: tuple[Told, ...]
    out: tuple[StillOut, ...]
    now: datetime
    stopped_at: datetime | None
    elsewhere: int = 0

    @property
    def spoke(self) -> int:
        return sum(not one.by_expiry for one in self.told)

    @property
    def fell_silent(self) -> int:
        return len(self.told) - self.spoke


def progress_of(order: KillOrder, *, now: datetime | None = None) -> Progress:
    """The status of a stop, read fresh: nothing about it is stored but what the points have said."""
    now = now or database_now()
    acknowledged = order.acknowledgements.select_related("point", "point__agent").order_by("at", "point__name")
    told = tuple(_told(order, one) for one in acknowledged)
    waiting = [] if order.resumed_at is not None else list(unheard(order).filter(lease_expires_at__gt=now))
    out = tuple(_out(point, now) for point in sorted(waiting, key=lambda point: point.lease_expires_at, reverse=True))
    status = stop_status(resumed=order.resumed_at is not None, out=len(out))
    last = max((one.at for one in told), default=order.ordered_at)
    return Progress(status, told, out, now, last if status is StopStatus.STOPPED else None)


def progress_for(person: Person, order: KillOrder) -> Progress:
    """The progress with the points of those agents alone that the person may see."""
    whole = progress_of(order)
    if any(authority_of(person).has(role) for role in SEES_ALL):
        return whole
    seen = set(visible_agents(person).order_by().values_list("pk", flat=True))
    told = tuple(one for one in whole.told if one.agent_id in seen)
    out = tuple(one for one in whole.out if one.agent_id in seen)
    return replace(whole, told=told, out=out, elsewhere=len(whole.told) + len(whole.out) - len(told) - len(out))


def promise_for(person: Person, order: KillOrder) -> str:
    """Why the promised time was what it was; the slowest point is named to those who see all agents in scope."""
    narrow = order.kind not in {ScopeKind.ALL.value, ScopeKind.ACTION.value, ScopeKind.REPOSITORY.value}
    if narrow or any(authority_of(person).has(role) for role in SEES_ALL):
        return order.worst_because
    return ""


def unheard(order: KillOrder) -> QuerySet[EnforcementPoint]:
    """The points whose lease was live at the order and that have not heard of it, live or ended since."""
    heard = StopAcknowledgement.objects.filter(order=order).values("point")
    live_then = Q(lease_expires_at__gt=order.ordered_at)
    return points_in(target_of_key(order.key)).filter(live_then).exclude(pk__in=heard)


def live_points(points: QuerySet[EnforcementPoint], *, now: datetime) -> QuerySet[EnforcementPoint]:
    """Those that hold a lease now."""
    return points.filter(lease_expires_at__gt=now)


def _told(order: KillOrder, one: StopAcknowledgement) -> Told:
    after = max(0, round((one.at - order.ordered_at).total_seconds() * 1000))
    return Told(one.point.name, one.point.kind, one.point.agent.name, one.point.agent_id, one.at, after, one.by_expiry)


def _out(point: EnforcementPoint, now: datetime) -> StillOut:
    left = -((now - point.lease_expires_at).total_seconds() // 1)
    return StillOut(point.name, point.kind, point.agent.name, point.agent_id, point.lease_expires_at, int(left))
