"""Sending what is due: one message after the other, each outside any transaction.

One process at a time: a receiver that hangs takes its five seconds from other messages, and never from the worker's
other threads.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Final

from django.conf import settings
from django.db import connection
from standardwebhooks import Webhook

from approvals.jobs.mail import mail_to
from approvals.jobs.notify import to_people
from approvals.models import Channel, Delivery
from approvals.rules import messages
from approvals.rules.messages import Notice
from approvals.rules.notices import ChannelKind, NoticeKind, only_while_pending, wants
from approvals.rules.workflow import RequestState
from approvals.selectors.notices import (
    address_of,
    choice_of,
    may_still_decide,
    secret_of,
    standing_channels,
    told_instead,
)
from approvals.services.deliveries import claim, mark_dropped, mark_failed, mark_sent
from approvals.services.notices import source_of, write_down
from portal.ledger.selectors.entries import database_now
from portal.outbound import NotSent, post

log = logging.getLogger(__name__)

SECONDS_OF_A_ROUND: Final = 30.0
GONE: Final = 410
_LOCK: Final = 0x6E6F7469  # of the session: there is no transaction to hold one in


class Unreachable(NotSent):
    """The place itself does not answer, so nothing else gets through there now either."""


def deliver_due() -> int:
    """Send what is due until nothing is or the round is over; returns how many tries were made."""
    tried, end = 0, time.monotonic() + SECONDS_OF_A_ROUND
    with _alone() as alone:
        while alone and time.monotonic() < end:
            claimed = claim()
            if not claimed:
                break
            _deliver(claimed)
            tried += 1
    return tried


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        row = cursor.fetchone()
    alone = bool(row and row[0])
    try:
        yield alone
    finally:
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _deliver(claimed: Sequence[Delivery]) -> None:
    wanted = []
    for delivery in claimed:
        stale = _no_longer_of_use(delivery) or _told_to_others(delivery)
        if stale:
            mark_dropped([delivery], stale)
        else:
            wanted.append(delivery)
    if not wanted:
        return
    try:
        _send(wanted)
    except NotSent as fault:
        mark_failed(wanted, str(fault), final=fault.final, shut=isinstance(fault, Unreachable))
    except Exception:
        log.exception("The delivery %s failed.", wanted[0].pk)
        mark_failed(wanted, "An unexpected fault; the log has it.")
    else:
        mark_sent(wanted)


def _no_longer_of_use(delivery: Delivery) -> str:
    """Why it is not sent any more, or nothing."""
    kind, request, person = NoticeKind(delivery.event), delivery.request, delivery.person
    if delivery.channel is not None and delivery.channel.ended_at is not None:
        return "The channel was ended."
    if delivery.channel is not None and not standing_channels().filter(pk=delivery.channel.pk).exists():
        return "The agent has gone to another team since its callback was set up."
    if person is not None and not person.is_active:
        return "The account is closed."
    if person is not None and not wants(choice_of(person), kind):
        return "The person does not want to be told of this."
    if request is None or not only_while_pending(kind):
        return ""
    if request.state != RequestState.PENDING.value or request.expires_at <= database_now():
        return "The request was settled before."
    # Whoever a request is passed on to may be there to find somebody, and not to decide.
    if person is not None and kind is NoticeKind.OPENED and not may_still_decide(request, person):
        return "The person has decided, or may not decide any more."
    return ""


def _told_to_others(delivery: Delivery) -> str:
    """Whoever went away while it waited is told of nothing that waits for a decision: whoever stands in is."""
    request, person = delivery.request, delivery.person
    if request is None or person is None or delivery.event != NoticeKind.OPENED.value:
        return ""
    now = database_now()
    instead = told_instead(request, person, now=now)
    if instead is None:
        return ""
    write_down(to_people(source_of(delivery), Notice.read(delivery.content), instead, now, request))
    return "The person is away."


def _send(deliveries: Sequence[Delivery]) -> None:
    first = deliveries[0]
    notices = [Notice.read(delivery.content) for delivery in deliveries]
    if first.person is not None:
        _mail(first.person.email, notices, personal=True)
    elif first.channel is not None and first.channel.kind == ChannelKind.EMAIL.value:
        _mail(address_of(first.channel), notices, personal=False)
    elif first.channel is not None:
        _post(first, first.channel, notices[0])


def _mail(address: str, notices: Sequence[Notice], *, personal: bool) -> None:
    message = mail_to(address, notices, personal=personal)
    try:
        message.send()
    except (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError) as fault:
        log.warning("The mail server refused a notice: %s", type(fault).__name__)
        raise NotSent("The mail server refused this mail.") from fault
    except (OSError, SMTPException) as fault:
        log.warning("The mail server could not be reached: %s", type(fault).__name__)
        raise Unreachable("The mail server could not be reached.") from fault


def _post(delivery: Delivery, channel: Channel, notice: Notice) -> None:
    url = f"{settings.BAILIWICK_BASE_URL}{notice.path}"
    headers = {"Content-Type": "application/json"}
    match ChannelKind(channel.kind):
        case ChannelKind.SLACK:
            body = json.dumps(messages.slack(notice, url))
        case ChannelKind.TEAMS:
            body = json.dumps(messages.teams(notice, url))
        case _:
            callback = channel.agent_id is not None
            body = json.dumps(messages.callback(notice) if callback else messages.webhook(notice, url))
            headers |= _signed(delivery, channel, body)
    try:
        answer = post(address_of(channel), body.encode(), headers)
    except NotSent as fault:
        if fault.final:
            raise
        raise Unreachable(str(fault)) from fault
    if 200 <= answer.status < 300:
        return
    if answer.status == GONE:
        raise NotSent("It answered 410: it is gone for good.", final=True)
    if 300 <= answer.status < 400:
        raise NotSent(f"It answered {answer.status}; redirects are not followed.")
    said = f"It answered {answer.status}."
    raise Unreachable(said) if answer.status >= 500 else NotSent(said)


def _signed(delivery: Delivery, channel: Channel, body: str) -> dict[str, str]:
    """The headers of Standard Webhooks: the id stays the same for every try, so that a receiver can count it once."""
    secret = secret_of(channel)
    if secret is None:
        raise NotSent("The channel has no secret to sign with.", final=True)
    now = datetime.now(UTC)
    return {
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(delivery.pk), now, body),
    }
