"""How far a stop has come: which enforcement points have heard of it, and which may still go on and until when."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from portal.ledger.selectors.entries import database_now
from registry.models import EnforcementPoint, KillOrder, StopAcknowledgement
from registry.rules.kill import StopStatus, stop_status
from registry.selectors.stop_targets import points_in, target_of_key


@dataclass(frozen=True)
class Told:
    """A point that has heard of the stop, or whose lease ended without a word (``by_expiry``)."""

    point: str
    kind: str
    agent: str
    at: datetime
    after_ms: int
    by_expiry: bool


@dataclass(frozen=True)
class StillOut:
    """A point that has not heard of the stop and may go on until its lease ends."""

    point: str
    kind: str
    agent: str
    lease_expires_at: datetime
    seconds_left: int


@dataclass(frozen=True)
class Progress:
    """How far a stop has come at ``now``. ``stopped_at`` is when the last point had stopped, once it has."""

    status: StopStatus
    told: tuple[Told, ...]
    out: tuple[StillOut, ...]
    now: datetime
    stopped_at: datetime | None

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
    return Told(one.point.name, one.point.kind, one.point.agent.name, one.at, after, one.by_expiry)


def _out(point: EnforcementPoint, now: datetime) -> StillOut:
    left = -((now - point.lease_expires_at).total_seconds() // 1)
    return StillOut(point.name, point.kind, point.agent.name, point.lease_expires_at, int(left))
