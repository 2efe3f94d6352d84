"""From entries to messages: who is to be told, where and when. Nothing leaves here; a job sends what is due."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from approvals.models import ApprovalRequest, GateException
from approvals.rules.messages import Notice
from approvals.rules.notices import NoticeKind, only_while_pending, wants, when
from approvals.rules.workflow import RequestState
from approvals.selectors.notices import (
    callbacks_of,
    channels_told,
    choices_of,
    is_high_risk,
    next_stage_to_tell,
    told_of_exception,
    told_of_resolution,
    told_to_decide,
)
from approvals.services.notices import Planned, write_down
from portal.identity.models import Person
from portal.ledger.events import instant
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent

_REVIEW: Final = "approvals.review.given"
# What ended longer ago is no news: a log that is read late, or an organisation that was brought in with its past.
_NEWS: Final = timedelta(hours=24)
TYPES: Final[Collection[str]] = {kind.value for kind in NoticeKind} - {NoticeKind.TEST.value} | {_REVIEW}


def notify(entries: Sequence[Entry]) -> None:
    """Queue what each entry calls for, in the follower's transaction."""
    now = database_now()
    write_down(planned for entry in entries for planned in _planned(entry, now))


def _planned(entry: Entry, now: datetime) -> Iterable[Planned]:
    data = entry.body["data"]
    kind = NoticeKind.OPENED if entry.type == _REVIEW else NoticeKind(entry.type)
    if now - entry.recorded_at > _NEWS and not only_while_pending(kind):
        return ()
    if "request" in data:
        return _of_request(entry, kind, data, now)
    return _of_exception(entry, kind, int(data["exception"]), now)


def _of_request(entry: Entry, kind: NoticeKind, data: Mapping[str, Any], now: datetime) -> Iterator[Planned]:
    found = ApprovalRequest.objects.select_related("agent", "agent__owner_team", "revision", "initiator")
    request = found.filter(number=data["request"]).first()
    if request is None:
        return
    asked = only_while_pending(kind)
    if asked and (request.state != RequestState.PENDING.value or request.expires_at <= now):
        return
    if request.canary and not asked:
        return  # it reaches no agent, and whoever settled it is told on the spot
    notice = Notice(
        kind=kind.value,
        label=request.label,
        path=f"/approvals/{request.label}/",
        at=instant(entry.recorded_at),
        until=instant(request.expires_at) if asked else "",
        state="" if asked else str(data.get("state", "")),
        high_risk=is_high_risk(request),
        **_names(request.agent),
    )
    yield from to_people(entry.id, notice, _people(entry, request, data, now), now, request)
    if entry.type != _REVIEW:
        yield from _to_channels(entry, notice, request.agent, now, request)


def _people(entry: Entry, request: ApprovalRequest, data: Mapping[str, Any], now: datetime) -> Sequence[Person]:
    match entry.type:
        case NoticeKind.OPENED:
            return told_to_decide(request, now=now)
        case NoticeKind.ESCALATED:
            return list(Person.objects.filter(pk=data["to"], is_active=True))
        case NoticeKind.RESOLVED:
            return told_of_resolution(request)
    return next_stage_to_tell(request, after=int(data.get("stage", 0)), now=now)


def _of_exception(entry: Entry, kind: NoticeKind, number: int, now: datetime) -> Iterator[Planned]:
    found = GateException.objects.select_related("agent", "agent__owner_team", "owner", "asked_by")
    exception = found.filter(number=number).first()
    if exception is None:
        return
    notice = Notice(
        kind=kind.value,
        label=exception.label,
        path=f"/approvals/{exception.label}/",
        at=instant(entry.recorded_at),
        until=instant(exception.ends_at) if exception.ends_at and kind is NoticeKind.EXCEPTION_GRANTED else "",
        **_names(exception.agent),
    )
    people = told_of_exception(exception, kind, now=now)
    yield from to_people(entry.id, notice, people, now)
    yield from _to_channels(entry, notice, exception.agent, now)


def _names(agent: Agent) -> dict[str, Any]:
    return {"agent": agent.name, "slug": agent.slug, "team": agent.owner_team.name}


def to_people(
    source: UUID, notice: Notice, people: Sequence[Person], now: datetime, request: ApprovalRequest | None = None
) -> Iterator[Planned]:
    """The notice to each of them who wants it, when they want it. ``source`` is the entry it follows from."""
    kind, choices = NoticeKind(notice.kind), choices_of(people)
    for person in people:
        choice = choices[person.pk]
        if not wants(choice, kind):
            continue
        moment = when(choice, kind, high_risk=notice.high_risk, now=now)
        held = Notice.read({**notice.stored(), "gathered": moment > now})
        yield Planned(notice=held, source=source, not_before=moment, person=person, request=request)


def _to_channels(
    entry: Entry, notice: Notice, agent: Agent, now: datetime, request: ApprovalRequest | None = None
) -> Iterator[Planned]:
    channels = list(channels_told(agent))
    if notice.kind == NoticeKind.RESOLVED.value:
        channels += callbacks_of(agent)
    for channel in channels:
        yield Planned(notice=notice, source=entry.id, not_before=now, channel=channel, request=request)
