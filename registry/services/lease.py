"""Leases: how long an enforcement point may go on between two checks, and how it learns that it must not.

A point that asks before each action needs none: the portal answers each question from its own state. A lease is
for what goes on between checks, such as a wrapper around a long command or a gateway with a cache. It must
renew before the lease ends, and stop when it cannot. Renewing is hearing: whoever was told of a stop has
acknowledged it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from portal.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated
from portal.identity.rules.tokens import digest, well_formed
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append_many
from registry import events
from registry.models import Agent, Credential, EnforcementPoint, KillOrder, PointKind, PolicyLevel, StopAcknowledgement
from registry.rules.kill import ScopeKind, keys_over, lease_length
from registry.rules.lifecycle import AgentState
from registry.rules.runs import run_id
from registry.rules.texts import fault_in
from registry.selectors.kills import orders_in_force
from registry.selectors.points import unheard
from registry.selectors.stop_targets import names_repository
from registry.services.seen import mark_seen

log = logging.getLogger(__name__)

LONGEST_LEASE = 30
MOST_POINT = 120
# New names of one agent's points in a day: a point that takes a new name each time would fill the table.
MOST_POINTS = 2_000
KEPT_DAYS = 7
_SILENT = frozenset({AgentState.DRAFT.value, AgentState.RETIRED.value})

# Asks again for all that the lease rests on, so that no stop that was committed before is overlooked.
_HOLD = """
INSERT INTO registry_enforcementpoint AS p
    (id, agent_id, name, kind, run_id, epoch, lease_seconds, lease_expires_at, first_seen_at, last_seen_at)
SELECT %s, a.id, %s, %s, %s,
       (SELECT coalesce(sum(k.epoch), 0) FROM registry_killstate k WHERE k.key = ANY(%s::text[])),
       %s, least(clock_timestamp() + make_interval(secs => %s), c.expires_at), clock_timestamp(), clock_timestamp()
FROM registry_credential c JOIN registry_agent a ON a.id = c.agent_id
WHERE c.id = %s AND c.revoked_at IS NULL AND c.expires_at > clock_timestamp()
  AND a.state = 'active' AND a.owner_team_id = %s
  AND NOT EXISTS (SELECT 1 FROM registry_killstate k WHERE k.key = ANY(%s::text[]) AND k.stopped)
ON CONFLICT (agent_id, name) DO UPDATE SET
    kind = excluded.kind, run_id = excluded.run_id, epoch = excluded.epoch, lease_seconds = excluded.lease_seconds,
    lease_expires_at = excluded.lease_expires_at, last_seen_at = excluded.last_seen_at, released_at = NULL
RETURNING p.epoch, p.lease_expires_at
"""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point as it names itself. ``session`` or ``run`` bind it to one run, ``repository`` to where it works.

    ``working``: something still runs under the lease. Told of a stop, such a point has it to end first, and
    counts as told once it asks again without.
    """

    name: str
    kind: str
    session: str = ""
    run: UUID | None = None
    repository: str | None = None
    working: bool = False


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The answer: go on until ``expires_at``, or stop now. ``stops`` also holds those that touch a part of the work."""

    point: str
    stopped: bool
    stopped_by: tuple[str, ...]
    epoch: int
    lease_seconds: int
    expires_at: datetime | None
    stops: tuple[KillOrder, ...]
    sentence: str


@transaction.atomic(durable=True)
def hold_lease(*, token: str, point: Point) -> Lease:
    """Give or renew the lease of one enforcement point; a stopped one gets none and has now been told.

    Raises NotAuthenticated for a token that is unknown, expired or revoked: its lease simply runs out.
    """
    _refuse_point(point)
    credential = _holder(token)
    agent = credential.agent
    keys = _keys(agent, point)
    granted = _hold(credential, point, keys)
    told = _stops_over(agent, keys)
    if granted is not None:
        # A stop that was committed after the lease was given is not told by this answer, which says: go on.
        told = [order for order in told if order.key not in keys]
    known = EnforcementPoint.objects.filter(agent=agent, name=point.name).first()
    now = database_now()
    ending = granted is None and point.working
    if granted is None and known is not None:
        known.lease_expires_at = known.lease_expires_at if ending else min(known.lease_expires_at, now)
        known.last_seen_at = now
        known.save(update_fields=["lease_expires_at", "last_seen_at"])
    if known is not None and not ending:
        _acknowledge(known, told, now)
    mark_seen(agents={agent.pk: now}, credentials={credential.pk: now})
    over = tuple(order.key for order in told if order.key in keys)
    if granted is not None:
        epoch, expires_at = granted
        seconds = _seconds(credential)
        sentence = f"Go on until the lease ends, and renew it before: it lasts {seconds} seconds."
        return Lease(
            point=point.name,
            stopped=False,
            stopped_by=(),
            epoch=epoch,
            lease_seconds=seconds,
            expires_at=expires_at,
            stops=tuple(told),
            sentence=sentence,
        )
    return Lease(
        point=point.name,
        stopped=True,
        stopped_by=over,
        epoch=_epoch(keys),
        lease_seconds=0,
        expires_at=None,
        stops=tuple(told),
        sentence=_refusal(agent, told, over),
    )


@transaction.atomic(durable=True)
def release_lease(*, token: str, name: str) -> EnforcementPoint | None:
    """End a lease early: the point has stopped by itself. None when there is no such point."""
    credential = _holder(token)
    found = EnforcementPoint.objects.select_for_update().filter(agent=credential.agent, name=name).first()
    if found is None:
        return None
    now = database_now()
    told = [order for order in orders_in_force() if unheard(order).filter(pk=found.pk).exists()]
    _acknowledge(found, told, now)
    found.released_at, found.last_seen_at = now, now
    found.lease_expires_at = min(found.lease_expires_at, now)
    found.save(update_fields=["released_at", "last_seen_at", "lease_expires_at"])
    return found


def note_ended_leases() -> int:
    """Note for each stop in force which points never heard of it and whose lease has ended; returns how many."""
    noted = 0
    for order in orders_in_force().order_by("number"):
        noted += _note_ended(order)
    return noted


@transaction.atomic(durable=True)
def _note_ended(order: KillOrder) -> int:
    now = database_now()
    ended = list(unheard(order).filter(lease_expires_at__lte=now))
    drafts: list[Draft] = []
    for point in ended:
        _, created = StopAcknowledgement.objects.get_or_create(
            order=order, point=point, defaults={"epoch": order.epoch, "by_expiry": True, "at": point.lease_expires_at}
        )
        if created:
            drafts.append(_told(order, point, at=now, heard_at=point.lease_expires_at, by_expiry=True))
    append_many(drafts)
    return len(drafts)


def forget_old_points() -> int:
    """Delete points that were last heard of days ago and never had a part in a stop."""
    old = EnforcementPoint.objects.filter(last_seen_at__lt=database_now() - timedelta(days=KEPT_DAYS))
    count, _ = old.exclude(pk__in=StopAcknowledgement.objects.values("point")).delete()
    return count


def _refuse_point(point: Point) -> None:
    faults = []
    if fault := fault_in(point.name, most=MOST_POINT):
        faults.append({"pointer": "/point", "detail": fault})
    if point.kind not in {kind.value for kind in PointKind}:
        faults.append({"pointer": "/kind", "detail": f"must be one of {', '.join(kind.value for kind in PointKind)}"})
    if point.session and point.run is not None:
        faults.append({"pointer": "/run", "detail": "must not be sent together with session"})
    if faults:
        raise InvalidInput("The point is not described well. No lease was given.", errors=faults)


def _holder(token: str) -> Credential:
    if not well_formed(token, "a"):
        raise NotAuthenticated("Send an agent's token as “Authorization: Bearer bwa_…”. No lease was given.")
    found = Credential.objects.select_related("agent", "agent__revision").filter(digest=digest(token)).first()
    if found is None:
        raise NotAuthenticated("No agent has this token. No lease was given.")
    if found.revoked_at is not None or found.expires_at <= database_now():
        gone = "was revoked" if found.revoked_at else "has expired"
        raise NotAuthenticated(f"The credential {gone}. No lease was given; stop when the last one ends.")
    if found.agent.state in _SILENT:
        raise NotAllowed(f"The agent is {found.agent.state}; it holds no lease.")
    return found


def _keys(agent: Agent, point: Point) -> tuple[str, ...]:
    run = run_id(agent.pk, point.session) if point.session else point.run
    return keys_over(agent_id=agent.pk, team_id=agent.owner_team_id, run_id=run, repository=point.repository)


def _hold(credential: Credential, point: Point, keys: tuple[str, ...]) -> tuple[int, datetime] | None:
    agent = credential.agent
    recent = EnforcementPoint.objects.filter(agent=agent, last_seen_at__gt=database_now() - timedelta(days=1))
    if not recent.filter(name=point.name).exists() and recent.count() >= MOST_POINTS:
        raise Conflict(f"{agent.name} has named {MOST_POINTS} points in a day. Give each point one lasting name.")
    run = run_id(agent.pk, point.session) if point.session else point.run
    seconds = _seconds(credential)
    over = list(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            _HOLD,
            [uuid7(), point.name, point.kind, run, over, seconds, seconds, credential.pk, agent.owner_team_id, over],
        )
        row = cursor.fetchone()
    return None if row is None else (int(row[0]), row[1])


def _seconds(credential: Credential) -> int:
    """The shortest lease that the portal, the organisation, the team, the agent or the credential allows."""
    agent = credential.agent
    levels = PolicyLevel.objects.filter(key__in=["organisation", f"team:{agent.owner_team_id}"])
    documents = [*levels.values_list("revision__document", flat=True), credential.scope]
    if agent.revision is not None:
        documents.append(agent.revision.document)
    said = [one.get("limits", {}).get("lease_seconds") for one in documents]
    allowed = [int(seconds) for seconds in said if seconds is not None]
    return lease_length(LONGEST_LEASE, settings.BAILIWICK_LEASE_SECONDS, *allowed)


def _stops_over(agent: Agent, keys: tuple[str, ...]) -> list[KillOrder]:
    """The stops that the point must hear of: those over it, and those over a part of what its agent may do.

    The same points as in ``selectors.stop_targets.points_in``: one that is never told would count as out for ever.
    """
    scope = agent.revision.document.get("scope", {}) if agent.revision is not None else {}
    found = []
    for order in orders_in_force().order_by("number"):
        kind, name = ScopeKind(order.kind), order.key.partition(":")[2]
        within = kind is ScopeKind.REPOSITORY and names_repository(scope.get("repositories", []), name)
        if order.key in keys or kind is ScopeKind.ACTION or within:
            found.append(order)
    return found


def _epoch(keys: Iterable[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(epoch), 0) FROM registry_killstate WHERE key = ANY(%s::text[])", [list(keys)]
        )
        return int(cursor.fetchone()[0])


def _refusal(agent: Agent, told: Iterable[KillOrder], over: tuple[str, ...]) -> str:
    named = ", ".join(f"stop {order.number}" for order in told if order.key in over)
    if named:
        return f"Stop now: {named} is in force. The work goes on only when it has been resumed."
    if agent.state != AgentState.ACTIVE.value:
        return f"Stop now: the agent is {agent.state}."
    return "Stop now: the agent's standing changed while the lease was asked for. Ask again."


def _acknowledge(point: EnforcementPoint, told: Iterable[KillOrder], now: datetime) -> None:
    """Note that the point has heard of the stops. When that cannot be written it is told to stop all the same."""
    known = set(StopAcknowledgement.objects.filter(point=point).values_list("order", flat=True))
    new = [order for order in told if order.pk not in known]
    if not new:
        return
    try:
        with transaction.atomic():
            StopAcknowledgement.objects.bulk_create(
                [StopAcknowledgement(order=order, point=point, epoch=order.epoch, at=now) for order in new]
            )
            append_many([_told(order, point, at=now, heard_at=now, by_expiry=False) for order in new])
    except Exception:
        log.exception("A point was told to stop, and that it was could not be recorded.")


def _told(order: KillOrder, point: EnforcementPoint, *, at: datetime, heard_at: datetime, by_expiry: bool) -> Draft:
    event = events.StopAcknowledged(
        order=order.number,
        key=order.key,
        epoch=order.epoch,
        point_id=point.pk,
        point_kind=point.kind,
        by_expiry=by_expiry,
        lease_expires_at=instant(point.lease_expires_at),
        after_ms=max(0, round((heard_at - order.ordered_at).total_seconds() * 1000)),
        point=point.name,
    )
    agent = point.agent
    actor = SYSTEM if by_expiry else Actor("agent", str(agent.pk), agent.name)
    return Draft(
        event=event,
        actor=actor,
        at=at,
        occurred_at=heard_at,
        agent_id=agent.pk,
        run_id=point.run_id,
        source="lease",
        subject=f"agent:{agent.pk}",
    )
