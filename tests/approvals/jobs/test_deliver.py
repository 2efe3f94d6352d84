"""Deliveries to a real receiver over TLS: what arrives, signed how, and what becomes of one that does not."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from approvals.jobs.deliver import deliver_due
from approvals.models import Channel, Delivery
from approvals.rules.notices import MOST_TRIES, ChannelKind, NoticeKind
from approvals.rules.workflow import Verdict
from approvals.services.channels import add_channel, change_channel, end_channel, try_channel
from approvals.services.deliveries import claim
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from tests.approvals.asking import at_once, opened, review
from tests.approvals.jobs.test_notify import told
from tests.organisation import Organisation, active_agent
from tests.receiver import HOST, Names, Receiver, names, receiver, receiving_server

__all__ = ["names", "receiver", "receiving_server"]
pytestmark = pytest.mark.django_db(transaction=True)


def channel(
    organisation: Organisation, receiver: Receiver, kind: ChannelKind = ChannelKind.WEBHOOK, **more: Any
) -> tuple[Channel, str]:
    of = more or {"team": organisation.payments}
    made, secret = add_channel(actor=organisation.manager, kind=kind, name="Hook", address=receiver.url, **of)
    return made, secret or ""


def again() -> int:
    """Everything that waits is due now."""
    Delivery.objects.filter(state="waiting").update(not_before=database_now())
    return deliver_due()


def test_a_webhook_is_signed_and_verifies(organisation: Organisation, token: str, receiver: Receiver) -> None:
    made, secret = channel(organisation, receiver)
    request = opened(token, "gh pr merge 7 --body secret-words")
    told()
    deliver_due()
    (got,) = receiver.got
    said = Webhook(secret).verify(got.body, got.headers)
    assert said["type"] == "approvals.request.opened"
    assert said["data"]["number"] == request.label
    assert said["data"]["url"].endswith(f"/approvals/{request.label}/")
    assert b"secret-words" not in got.body
    delivery = Delivery.objects.get(channel=made)
    assert (delivery.state, delivery.attempts, got.headers["webhook-id"]) == ("sent", 1, str(delivery.pk))


def test_another_secret_does_not_verify(organisation: Organisation, token: str, receiver: Receiver) -> None:
    channel(organisation, receiver)
    opened(token)
    told()
    deliver_due()
    (got,) = receiver.got
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(got.body, got.headers)


@pytest.mark.parametrize("kind", [ChannelKind.SLACK, ChannelKind.TEAMS])
def test_a_chat_gets_its_own_form(
    organisation: Organisation, token: str, receiver: Receiver, kind: ChannelKind
) -> None:
    channel(organisation, receiver, kind)
    request = opened(token)
    told()
    deliver_due()
    (got,) = receiver.got
    assert "webhook-signature" not in got.headers
    assert request.label in got.body.decode()
    assert ("blocks" in got.json) == (kind is ChannelKind.SLACK)


def test_the_channels_of_other_teams_hear_nothing(organisation: Organisation, token: str, receiver: Receiver) -> None:
    add_channel(
        actor=organisation.outsider,
        kind=ChannelKind.WEBHOOK,
        name="Platform",
        address=receiver.url,
        team=organisation.platform,
    )
    opened(token)
    told()
    deliver_due()
    assert receiver.got == []


def test_security_hears_of_every_team(organisation: Organisation, token: str, receiver: Receiver) -> None:
    add_channel(actor=organisation.security, kind=ChannelKind.SLACK, name="All", address=receiver.url)
    opened(token)
    told()
    deliver_due()
    assert len(receiver.got) == 1


def test_an_agent_is_called_back(organisation: Organisation, agent: Agent, token: str, receiver: Receiver) -> None:
    _, secret = channel(organisation, receiver, agent=agent)
    request = opened(token)
    told()
    deliver_due()
    assert receiver.got == [], "that it asked, it knows"
    review(request, organisation.approver)
    told(NoticeKind.RESOLVED)
    deliver_due()
    (got,) = receiver.got
    said = Webhook(secret).verify(got.body, got.headers)
    assert said["data"] == {"request": request.label, "state": "approved"}


def test_no_agent_hears_of_another(organisation: Organisation, token: str, receiver: Receiver) -> None:
    channel(organisation, receiver, agent=active_agent(organisation, "Another Agent"))
    review(opened(token), organisation.approver, Verdict.DENY)
    told(NoticeKind.RESOLVED)
    deliver_due()
    assert receiver.got == []


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
def test_an_answer_that_is_no_yes_is_tried_again(organisation: Organisation, receiver: Receiver, status: int) -> None:
    made, _ = channel(organisation, receiver)
    try_channel(actor=organisation.manager, channel=made)
    receiver.status, receiver.headers = status, {"Location": "http://169.254.169.254/"}
    before = database_now()
    deliver_due()
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1)
    assert str(status) in row.fault
    assert row.not_before - before >= timedelta(seconds=10)
    assert len(receiver.got) == 1
    receiver.status = 204
    again()
    row.refresh_from_db()
    assert (row.state, row.attempts, row.fault) == ("sent", 2, "")
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]


def test_after_seven_tries_it_is_given_up(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    try_channel(actor=organisation.manager, channel=made)
    receiver.status = 500
    for _ in range(MOST_TRIES + 2):
        again()
    row = Delivery.objects.get()
    assert (row.state, row.attempts, len(receiver.got)) == ("dead", MOST_TRIES, MOST_TRIES)


def test_gone_is_given_up_at_once(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    try_channel(actor=organisation.manager, channel=made)
    receiver.status = 410
    deliver_due()
    assert Delivery.objects.get().state == "dead"


def test_what_leads_inside_is_given_up_at_once(
    organisation: Organisation, receiver: Receiver, settings: Settings, names: Names
) -> None:
    """The name was public when the channel was made, and leads inside when something is sent."""
    settings.BAILIWICK_OUTBOUND_PRIVATE = []
    made, _ = add_channel(
        actor=organisation.manager,
        kind=ChannelKind.WEBHOOK,
        name="Rebound",
        address="https://rebound.example.com/",
        team=organisation.payments,
    )
    names.known["rebound.example.com"] = ["127.0.0.1"]
    try_channel(actor=organisation.manager, channel=made)
    deliver_due()
    row = Delivery.objects.get()
    assert row.state == "dead"
    assert "not of the public internet" in row.fault
    assert receiver.got == []


def test_a_receiver_that_is_down_holds_up_only_itself(
    organisation: Organisation, token: str, receiver: Receiver, names: Names
) -> None:
    down, _ = channel(organisation, receiver)
    Channel.objects.filter(pk=down.pk).update(name="Down")
    good, _ = add_channel(actor=organisation.security, kind=ChannelKind.SLACK, name="Up", address=receiver.url)
    change_channel(
        actor=organisation.manager, channel=down, name="Down", address=f"https://{HOST}:{receiver.port}/never"
    )
    names.known[HOST] = ["127.0.0.1"]
    for number in range(3):
        opened(token, f"gh pr merge {number}")
    told()
    Delivery.objects.filter(channel=None).delete()
    receiver.status = 503
    assert deliver_due() == 2, "one try for each of the two, and the rest waits with it"
    receiver.status = 200
    again()
    assert Delivery.objects.filter(state="sent").count() == 6
    assert Delivery.objects.filter(channel=good).count() == 3


def test_what_is_new_does_not_wait_for_hours_with_what_is_old(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    old = try_channel(actor=organisation.manager, channel=made)
    Delivery.objects.update(attempts=MOST_TRIES - 2)
    new = try_channel(actor=organisation.manager, channel=made)
    receiver.status = 503
    before = database_now()
    assert deliver_due() == 1
    old.refresh_from_db()
    new.refresh_from_db()
    assert old.not_before - before >= timedelta(hours=6)
    assert new.not_before - old.not_before < timedelta(hours=-5)


def test_an_ended_channel_is_told_nothing(organisation: Organisation, token: str, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    opened(token)
    told()
    assert end_channel(actor=organisation.manager, channel=made) == 1
    opened(token, "gh pr merge 8")
    told()
    deliver_due()
    assert receiver.got == []
    made.refresh_from_db()
    assert (bytes(made.address), made.secret) == (b"", None)


def test_two_senders_take_different_messages(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    for _ in range(8):
        try_channel(actor=organisation.manager, channel=made)
    claimed = at_once([claim] * 8)
    taken = [one.pk for rows in claimed if isinstance(rows, list) for one in rows]
    assert len(taken) == len(set(taken))
    assert Delivery.objects.filter(pk__in=taken, attempts=1).count() == len(taken)
    assert not Delivery.objects.filter(attempts__gt=1).exists()


def test_a_sender_that_died_is_followed_by_another(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    try_channel(actor=organisation.manager, channel=made)
    assert len(claim()) == 1
    assert claim() == [], "somebody sends it now"
    again()
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == ("sent", 2)


def test_a_message_that_kills_its_senders_is_given_up(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    try_channel(actor=organisation.manager, channel=made)
    Delivery.objects.update(attempts=MOST_TRIES)
    assert deliver_due() == 0
    assert Delivery.objects.get().state == "dead"


def test_only_one_round_at_a_time(organisation: Organisation, receiver: Receiver) -> None:
    made, _ = channel(organisation, receiver)
    for _ in range(6):
        try_channel(actor=organisation.manager, channel=made)
    at_once([deliver_due] * 3)
    deliver_due()
    assert len(receiver.got) == 6
    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_a_mail_list_is_a_channel_too(
    organisation: Organisation, token: str, mailoutbox: list[Any], receiver: Receiver
) -> None:
    add_channel(
        actor=organisation.manager,
        kind=ChannelKind.EMAIL,
        name="List",
        address="payments-approvals@example.test",
        team=organisation.payments,
    )
    opened(token)
    told()
    deliver_due()
    (found,) = [message for message in mailoutbox if message.to == ["payments-approvals@example.test"]]
    assert "List-Unsubscribe" not in found.extra_headers
