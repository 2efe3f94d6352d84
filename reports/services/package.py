"""The life of a package job: asked for, claimed, finished, failed, cancelled, taken away.

The row is the truth and each change locks it. A builder is known by the number of its attempt, so that
one which was believed lost and comes back finds that its attempt is over and changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, NotFound, TooManyRequests, Unavailable
from portal.identity.models import Person, Team
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor, Event
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry.models import Agent
from reports import events
from reports.models import Package, PackageDownload
from reports.rules.package import MOST_ATTEMPTS, IllegalMove, PackageScope, PackageState, PackageVerb, advance
from reports.rules.period import refusal
from reports.selectors.packages import may_request, package_file, scope_text

MOST_UNDER_WAY = 5
LOST_AFTER = timedelta(seconds=30)
_UNDER_WAY = (PackageState.QUEUED.value, PackageState.BUILDING.value)


@dataclass(frozen=True, kw_only=True)
class Built:
    """What the builder made."""

    sha256: str
    size: int
    entries: int
    verdict: str
    summary: dict[str, Any]


@transaction.atomic(durable=True)
def request_package(
    *,
    actor: Person,
    scope: PackageScope,
    start: datetime,
    end: datetime | None = None,
    team: Team | None = None,
    agent: Agent | None = None,
    title: str = "",
    key: UUID | None = None,
) -> Package:
    """Queue a package for ``[start, end)``; no ``end`` means now, by the database's clock.

    ``key`` becomes the package's id: asking again with it gives the same package. Raises NotAllowed,
    InvalidInput, TooManyRequests.
    """
    _refuse_unless_allowed(actor, scope, team, agent)
    now = database_now()
    end = now if end is None else end
    refused = refusal(start, end, now=now)
    if refused:
        raise InvalidInput(f"{refused} Nothing was queued.", errors=[{"pointer": "/period", "detail": refused}])
    earlier = None if key is None else Package.objects.filter(pk=key).first()
    if earlier is not None:
        return _same(earlier, actor)
    if Package.objects.filter(requested_by=actor, state__in=_UNDER_WAY).count() >= MOST_UNDER_WAY:
        raise TooManyRequests(f"{MOST_UNDER_WAY} of your packages are under way. Wait for one; nothing was queued.")
    package = Package(
        number=next_number("reports_package_number"),
        title=title.strip()[:120] or _title(scope, team, agent),
        scope=scope.value,
        team=team,
        agent=agent,
        period_start=start,
        period_end=end,
        requested_by=actor,
    )
    if key is not None:
        package.pk = key
    try:
        with transaction.atomic():
            package.save(force_insert=True)
    except IntegrityError as error:
        # The same key twice at once: the other one's row is the package. Any other clash is a fault.
        earlier = Package.objects.filter(pk=package.pk).first()
        if earlier is None:
            raise Conflict("The package could not be queued; nothing was kept.") from error
        return _same(earlier, actor)
    event = events.PackageRequested(
        package=package.pk,
        number=package.number,
        scope=scope_text(package),
        period_start=start,
        period_end=end,
    )
    _append(event, package, actor=actor_for(actor))
    return package


@transaction.atomic(durable=True)
def claim(*, package_id: UUID) -> Package | None:
    """Take a queued package for building; None when it is not there to take."""
    package = _lock(package_id)
    if package.state != PackageState.QUEUED.value:
        return None
    _move(package, PackageVerb.CLAIM)
    package.attempt += 1
    package.heartbeat_at = database_now()
    package.stage, package.progress_done, package.progress_total, package.reason = "Starting", 0, 0, ""
    package.save(update_fields=["attempt", "heartbeat_at", "stage", "progress_done", "progress_total", "reason"])
    return package


def beat(*, package_id: UUID, attempt: int, stage: str, done: int, total: int) -> bool:
    """Say that the builder lives and how far it is. False when the job is no longer this builder's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reports_package SET heartbeat_at = clock_timestamp(), stage = %s, progress_done = %s,"
            " progress_total = %s WHERE id = %s AND state = 'building' AND attempt = %s",
            [stage, done, total, package_id, attempt],
        )
        alive: bool = cursor.rowcount == 1
    return alive


def fix_inputs(*, package_id: UUID, attempt: int, checkpoint_size: int, as_of: datetime, unsealed: int) -> None:
    """Keep what the package is built from, so that a second attempt makes the same package."""
    summary = {"as_of": as_of.isoformat(), "unsealed": unsealed}
    Package.objects.filter(pk=package_id, attempt=attempt, checkpoint_size=None).update(
        checkpoint_size=checkpoint_size, summary=summary
    )


@transaction.atomic(durable=True)
def finish(*, package_id: UUID, attempt: int, built: Built) -> bool:
    """Make the package ready. False when this attempt is no longer the one that counts."""
    package = _lock(package_id)
    if not _is_mine(package, attempt):
        return False
    _move(package, PackageVerb.FINISH, commit=False)
    package.sha256, package.size, package.entry_count = built.sha256, built.size, built.entries
    package.verdict, package.summary = built.verdict, {**package.summary, **built.summary}
    package.built_at, package.stage = database_now(), ""
    package.progress_done = package.progress_total
    package.save()
    event = events.PackageBuilt(
        package=package.pk,
        number=package.number,
        sha256=built.sha256,
        bytes=built.size,
        entries=built.entries,
        checkpoint_size=package.checkpoint_size or 0,
        verdict=built.verdict,
    )
    _append(event, package)
    return True


@transaction.atomic(durable=True)
def fail(*, package_id: UUID, attempt: int, reason: str) -> bool:
    """End the job for good with a reason for people. False when it is no longer this attempt's."""
    package = _lock(package_id)
    if not _is_mine(package, attempt):
        return False
    _fail(package, reason)
    return True


@transaction.atomic(durable=True)
def lose(*, package_id: UUID, attempt: int, reason: str) -> bool:
    """A builder is gone: queue the package again, or fail it after the last attempt. True when queued."""
    package = _lock(package_id)
    if not _is_mine(package, attempt):
        return False
    if package.attempt >= MOST_ATTEMPTS:
        _fail(package, f"{reason} It was tried {package.attempt} times.")
        return False
    _move(package, PackageVerb.REQUEUE)
    package.reason, package.stage, package.heartbeat_at = reason, "", database_now()
    package.save(update_fields=["reason", "stage", "heartbeat_at"])
    return True


@transaction.atomic(durable=True)
def cancel(*, actor: Person, package: Package) -> Package:
    """Stop the building of a package; whoever may ask for its scope may cancel it."""
    _refuse_unless_allowed(actor, PackageScope(package.scope), package.team, package.agent)
    locked = _lock(package.pk)
    _move(locked, PackageVerb.CANCEL)
    locked.stage = ""
    locked.save(update_fields=["stage"])
    _append(events.PackageCancelled(package=locked.pk, number=locked.number), locked, actor=actor_for(actor))
    return locked


def take(*, actor: Person, package: Package) -> BinaryIO:
    """The finished file, open for reading, once it is on record that ``actor`` takes it.

    Raises Conflict when it is not ready, Unavailable when the file is not where it was put.
    """
    if package.state != PackageState.READY.value:
        raise Conflict(f"{package.label} is {package.state}; there is nothing to download.")
    try:
        file = package_file(package)
    except FileNotFoundError as missing:
        raise Unavailable(f"The file of {package.label} is not where it was put. Tell the operator.") from missing
    try:
        _record_download(actor, package)
    except BaseException:
        file.close()
        raise
    return file


@transaction.atomic(durable=True)
def _record_download(actor: Person, package: Package) -> None:
    PackageDownload.objects.create(package=package, person=actor)
    event = events.PackageDownloaded(package=package.pk, number=package.number, sha256=package.sha256)
    _append(event, package, actor=actor_for(actor))


def _lock(package_id: UUID) -> Package:
    package = Package.objects.select_for_update(of=("self",)).filter(pk=package_id).first()
    if package is None:
        raise NotFound("There is no such package.")
    return package


def _move(package: Package, verb: PackageVerb, *, commit: bool = True) -> None:
    try:
        package.state = advance(PackageState(package.state), verb).value
    except IllegalMove as error:
        raise InvalidTransition(f"{package.label}: {error} Nothing was changed.") from error
    if commit:
        package.save(update_fields=["state"])


def _fail(package: Package, reason: str) -> None:
    _move(package, PackageVerb.FAIL)
    package.reason, package.stage = reason, ""
    package.save(update_fields=["reason", "stage"])
    event = events.PackageFailed(package=package.pk, number=package.number, attempts=package.attempt, reason=reason)
    _append(event, package)


def _is_mine(package: Package, attempt: int) -> bool:
    return package.state == PackageState.BUILDING.value and package.attempt == attempt


def _append(event: Event, package: Package, *, actor: Actor = SYSTEM) -> None:
    append(event, actor=actor, at=database_now(), agent_id=package.agent_id)


def _same(package: Package, actor: Person) -> Package:
    if package.requested_by_id != actor.pk:
        raise Conflict("This key belongs to another package. Open the form again; nothing was queued.")
    return package


def _refuse_unless_allowed(actor: Person, scope: PackageScope, team: Team | None, agent: Agent | None) -> None:
    wanted = {PackageScope.ALL: (False, False), PackageScope.TEAM: (True, False), PackageScope.AGENT: (False, True)}
    if wanted[scope] != (team is not None, agent is not None):
        raise InvalidInput("A package of a team names the team, one of an agent the agent. Nothing was queued.")
    team_id = team.pk if team else agent.owner_team_id if agent else None
    if not may_request(authority_of(actor), scope=scope, team_id=team_id):
        raise NotAllowed("Auditors and security take any evidence, managers that of their teams. Nothing was done.")


def _title(scope: PackageScope, team: Team | None, agent: Agent | None) -> str:
    if scope is PackageScope.ALL:
        return "Evidence of the whole organisation"
    return f"Evidence of team {team.name}" if team else f"Evidence of {agent.name if agent else 'an agent'}"
