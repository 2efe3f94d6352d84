"""Writing notices down: the messages that follow from an entry, and how each person wants to be told."""

import zoneinfo
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID, uuid4

from django.db import transaction

from approvals import notice_events as events
from approvals.models import ApprovalRequest, Channel, Delivery, NoticeChoice
from approvals.rules.messages import TEST_LABEL, Notice
from approvals.rules.notices import CHOSEN, DeliveryState, Digest, NoticeKind
from portal.errors import Conflict, InvalidInput
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.events import instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One message to one place. ``source`` is the entry it follows from: the same twice is one message."""

    notice: Notice
    source: UUID
    not_before: datetime
    person: Person | None = None
    channel: Channel | None = None
    request: ApprovalRequest | None = None


def write_down(planned: Iterable[Planned]) -> None:
    """Queue the messages, in the caller's transaction: they and what they follow from commit together."""
    rows = [
        Delivery(
            person=one.person,
            channel=one.channel,
            request=one.request,
            event=one.notice.kind,
            content=one.notice.stored(),
            dedupe=_dedupe(one),
            not_before=one.not_before,
        )
        for one in planned
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def _dedupe(one: Planned) -> str:
    place = f"person:{one.person.pk}" if one.person is not None else f"channel:{one.channel.pk if one.channel else ''}"
    return f"{one.source}:{place}"


def source_of(delivery: Delivery) -> UUID:
    """The entry that a message about a request follows from."""
    return UUID(delivery.dedupe.partition(":")[0])


@transaction.atomic(durable=True)
def choose_notices(
    *,
    actor: Person,
    kinds: Sequence[str] | None,
    timezone: str = "UTC",
    quiet_from: time | None = None,
    quiet_to: time | None = None,
    digest: Digest = Digest.NONE,
) -> NoticeChoice:
    """How the actor wants to be told by e-mail; ``kinds`` None: of everything."""
    faults = _faults(kinds, timezone, quiet_from, quiet_to)
    if faults:
        raise InvalidInput("The choices cannot be taken as they are. Nothing was saved.", errors=faults)
    everything = kinds is None or set(kinds) == {kind.value for kind in CHOSEN}
    chosen = None if everything else sorted(set(kinds or ()))
    values = {
        "events": chosen,
        "quiet_from": quiet_from,
        "quiet_to": quiet_to,
        "timezone": timezone,
        "digest": digest.value,
    }
    choice, _ = NoticeChoice.objects.update_or_create(person=actor, defaults=values)
    event = events.NoticesChosen(
        kinds=chosen,
        quiet_from=f"{quiet_from:%H:%M}" if quiet_from else None,
        quiet_to=f"{quiet_to:%H:%M}" if quiet_to else None,
        timezone=timezone,
        digest=digest.value,
    )
    append(event, actor=actor_for(actor), at=database_now())
    return choice


def _faults(
    kinds: Sequence[str] | None, timezone: str, quiet_from: time | None, quiet_to: time | None
) -> list[dict[str, str]]:
    faults = []
    if not set(kinds or ()) <= {kind.value for kind in CHOSEN}:
        faults.append({"pointer": "/kinds", "detail": "names a kind that there is not"})
    if timezone not in zoneinfo.available_timezones():
        faults.append({"pointer": "/timezone", "detail": "is not a time zone that this portal knows"})
    if (quiet_from is None) != (quiet_to is None):
        missing = "quiet_to" if quiet_to is None else "quiet_from"
        faults.append({"pointer": f"/{missing}", "detail": "is needed as well: quiet hours begin and end"})
    elif quiet_from is not None and quiet_from == quiet_to:
        faults.append({"pointer": "/quiet_to", "detail": "must differ from the beginning"})
    return faults


@transaction.atomic(durable=True)
def send_test(*, actor: Person) -> Delivery:
    """Queue a test mail to the actor, one at a time; it goes the way of all others."""
    Person.objects.select_for_update().filter(pk=actor.pk).first()
    waiting = Delivery.objects.filter(person=actor, event=NoticeKind.TEST.value, state=DeliveryState.WAITING.value)
    if waiting.exists():
        raise Conflict("A test mail to you is on its way already. Nothing was sent.")
    return queue_test(person=actor)


def queue_test(*, person: Person | None = None, channel: Channel | None = None) -> Delivery:
    """A test message to one place; inside the transaction that looked whether it may be sent."""
    now = database_now()
    notice = Notice(kind=NoticeKind.TEST.value, label=TEST_LABEL, path="/approvals/notices/", at=instant(now))
    return Delivery.objects.create(
        person=person,
        channel=channel,
        event=NoticeKind.TEST.value,
        content=notice.stored(),
        dedupe=f"test:{uuid4()}",
        not_before=now,
    )
