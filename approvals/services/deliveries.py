"""The life of a delivery: claimed by one sender at a time, sent or tried again, given up, sent again by people."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from approvals import notice_events as events
from approvals.models import Channel, Delivery
from approvals.rules.notices import MOST_TRIES, ChannelKind, DeliveryState, pause_after
from approvals.selectors.notices import may_replay, standing_channels, visible_deliveries
from portal.errors import Conflict, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

# For so long a claimed row is left alone: longer than any sending takes, and then another sender finds it.
LEASE = timedelta(seconds=60)
# What waits for a place that is down is held for so long: short, because it may be up again before the next try.
MOST_HELD = timedelta(minutes=5)
MOST_GATHERED = 200
MOST_REPLAYED = 1000
_WAITING, _DEAD = DeliveryState.WAITING.value, DeliveryState.DEAD.value


@transaction.atomic(durable=True)
def claim() -> list[Delivery]:
    """What is due and nobody else sends: one message, or all that one person's next mail gathers; [] for nothing.

    The try is counted here, so one whose sender dies has been tried.
    """
    now = database_now()
    due = _due(Delivery.objects.filter(not_before__lte=now))
    # Senders that died have tried it often enough.
    due.filter(attempts__gte=MOST_TRIES).update(state=_DEAD, fault="Its sender ended before it could tell how it went.")
    first = _locking(due.filter(attempts__lt=MOST_TRIES)).order_by("not_before", "id").first()
    if first is None:
        return []
    claimed = [first]
    if first.person_id is not None and first.content.get("gathered"):
        others = due.filter(person=first.person_id, content__gathered=True, attempts__lt=MOST_TRIES)
        claimed += _locking(others.exclude(pk=first.pk)).order_by("made_at", "id")[:MOST_GATHERED]
    Delivery.objects.filter(pk__in=[one.pk for one in claimed]).update(
        attempts=F("attempts") + 1, not_before=now + LEASE
    )
    for one in claimed:
        one.attempts += 1
    return claimed


def _due(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return deliveries.filter(state=_WAITING)


def _locking(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return deliveries.select_for_update(skip_locked=True, of=("self",)).select_related(
        "person", "channel", "channel__agent", "request", "request__agent", "request__agent__owner_team"
    )


@transaction.atomic(durable=True)
def mark_sent(deliveries: Sequence[Delivery]) -> None:
    _due(_of(deliveries)).update(state=DeliveryState.SENT.value, sent_at=database_now(), fault="")


@transaction.atomic(durable=True)
def mark_dropped(deliveries: Sequence[Delivery], because: str) -> None:
    """It is no longer true, or nobody wants it any more."""
    _due(_of(deliveries)).update(state=DeliveryState.DROPPED.value, fault=because)


@transaction.atomic(durable=True)
def mark_failed(deliveries: Sequence[Delivery], because: str, *, final: bool = False, shut: bool = False) -> None:
    """Try it again after a pause that grows, or give it up. ``shut``: nothing else gets through there now either."""
    now = database_now()
    for one in deliveries:
        pause = None if final else pause_after(one.attempts)
        row = _due(_of([one]))
        if pause is None:
            row.update(state=_DEAD, fault=because)
        else:
            row.update(not_before=now + pause, fault=because)
            if shut:
                _hold_back(one, now + min(pause, MOST_HELD))


def _hold_back(failed: Delivery, until: datetime) -> None:
    """What waits for the same place waits too: each try there would only take its time from the others."""
    by_mail = Q(channel=None) | Q(channel__kind=ChannelKind.EMAIL.value)
    is_mail = failed.channel is None or failed.channel.kind == ChannelKind.EMAIL.value
    same = Delivery.objects.filter(by_mail) if is_mail else Delivery.objects.filter(channel=failed.channel_id)
    # A subquery, because an update cannot join; rows that another sender holds are left to it.
    found = _due(same).filter(not_before__lt=until).exclude(pk=failed.pk)
    locked = found.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    Delivery.objects.filter(pk__in=list(locked)).update(not_before=until)


@transaction.atomic(durable=True)
def replay(*, actor: Person, delivery: Delivery) -> Delivery:
    """Try a message again that was given up."""
    _require(actor)
    found = visible_deliveries(actor).select_for_update(of=("self",)).filter(pk=delivery.pk).first()
    if found is None:
        raise NotFound("There is no such delivery, or it is not yours to see.")
    if found.state != _DEAD:
        raise Conflict(f"It is {found.state}; only what was given up is sent again. Nothing was done.")
    if found.channel is not None and not _told().filter(pk=found.channel.pk).exists():
        raise Conflict("Its channel was ended. Nothing was done.")
    _wake(actor, [found])
    found.refresh_from_db()
    return found


@transaction.atomic(durable=True)
def replay_all(*, actor: Person) -> int:
    """Try everything again that was given up and that the actor may see; returns how many."""
    _require(actor)
    dead = visible_deliveries(actor).filter(Q(channel=None) | Q(channel__in=_told()), state=_DEAD)
    found = list(dead.select_for_update(skip_locked=True, of=("self",)).order_by("made_at", "id")[:MOST_REPLAYED])
    if not found:
        raise Conflict("Nothing was given up that could be sent again. Nothing was done.")
    _wake(actor, found)
    return len(found)


def _told() -> QuerySet[Channel]:
    return standing_channels().filter(ended_at=None)


def _require(actor: Person) -> None:
    if not may_replay(authority_of(actor)):
        raise NotAllowed("Managers, security and operators have messages sent again. Nothing was done.")


def _wake(actor: Person, deliveries: Sequence[Delivery]) -> None:
    now = database_now()
    _of(deliveries).update(state=_WAITING, attempts=0, not_before=now, fault="")
    event = events.DeliveriesReplayed(deliveries=[one.pk for one in deliveries])
    append(event, actor=actor_for(actor), at=now)


def _of(deliveries: Sequence[Delivery]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk__in=[one.pk for one in deliveries])
