"""Channels: who sets them up, what may be an address, what is kept of it, and what a move to another host costs."""

from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from approvals.jobs.deliver import deliver_due
from approvals.models import Channel, Delivery
from approvals.rules.notices import ChannelKind, DeliveryState
from approvals.selectors.notices import (
    address_name,
    address_of,
    callbacks_of,
    secret_name,
    secret_of,
    visible_channels,
    visible_deliveries,
)
from approvals.services.channels import MOST_CHANNELS, add_channel, change_channel, end_channel, shown, try_channel
from approvals.services.deliveries import claim, mark_failed, replay, replay_all
from approvals.services.notices import send_test
from approvals.web.deliveries import rows_of
from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.ledger.models import Entry
from portal.ledger.safe import take_out
from registry.models import Agent
from registry.services.transfer import accept_transfer
from tests.organisation import Organisation
from tests.registry.recording import offered

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "https://hooks.example.com/services/T00/B00/the-key-of-it"


def add(organisation: Organisation, **more: Any) -> tuple[Channel, str | None]:
    asked = {
        "actor": organisation.manager,
        "kind": ChannelKind.WEBHOOK,
        "name": "Hook",
        "address": ADDRESS,
        "team": organisation.payments,
        **more,
    }
    return add_channel(**asked)


def test_address_and_secret_are_kept_encrypted_and_apart(organisation: Organisation) -> None:
    made, secret = add(organisation)
    made.refresh_from_db()
    assert secret is not None
    assert secret.startswith("whsec_")
    assert (address_of(made), secret_of(made)) == (ADDRESS, secret)
    assert b"example" not in bytes(made.address)
    assert secret.encode() not in bytes(made.secret or b"")
    with pytest.raises(InvalidTag):
        take_out(bytes(made.secret or b""), of=address_name(made.pk))
    other, _ = add(organisation, name="Other")
    with pytest.raises(InvalidTag):
        take_out(bytes(made.secret or b""), of=secret_name(other.pk))


def test_pages_and_record_hold_a_part_of_the_address(organisation: Organisation) -> None:
    made, _ = add(organisation)
    assert made.shown == "hooks.example.com/…f-it"
    entry = Entry.objects.get(type="approvals.channel.added")
    assert b"the-key-of" not in bytes(entry.bytes)
    assert b"hooks.example" not in bytes(entry.bytes)
    assert shown(ChannelKind.EMAIL, "list@example.test") == "list@example.test"
    assert shown(ChannelKind.SLACK, "https://a.example/short") == "a.example/…"


@pytest.mark.parametrize("who", ["member", "approver", "auditor", "operator", "outsider"])
def test_others_set_nothing_up(organisation: Organisation, agent: Agent, who: str) -> None:
    person = organisation.people[who]
    made, _ = add(organisation)
    for asked in (
        lambda: add(organisation, actor=person),
        lambda: add(organisation, actor=person, team=None),
        lambda: add(organisation, actor=person, team=None, agent=agent),
        lambda: change_channel(actor=person, channel=made, name="Mine"),
        lambda: end_channel(actor=person, channel=made),
        lambda: try_channel(actor=person, channel=made),
    ):
        with pytest.raises(NotAllowed):
            asked()
    assert Channel.objects.count() == 1


def test_only_security_hears_of_everybody(organisation: Organisation) -> None:
    with pytest.raises(NotAllowed):
        add(organisation, team=None)
    made, _ = add(organisation, team=None, actor=organisation.security)
    with pytest.raises(NotAllowed):
        end_channel(actor=organisation.manager, channel=made)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (ChannelKind.SLACK, "http://hooks.example.com/a"),
        (ChannelKind.TEAMS, "https://10.0.0.1:8080/a"),
        (ChannelKind.WEBHOOK, "https://user:word@hooks.example.com/a"),
        (ChannelKind.WEBHOOK, "list@example.test"),
        (ChannelKind.EMAIL, "https://hooks.example.com/a"),
        (ChannelKind.EMAIL, "a@example.test, b@example.test"),
        (ChannelKind.EMAIL, "a@example.test\nBcc: b@example.test"),
        (ChannelKind.EMAIL, "Name <a@example.test>"),
        (ChannelKind.EMAIL, "ä@example.test"),
    ],
)
def test_what_cannot_be_an_address(organisation: Organisation, kind: ChannelKind, address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(organisation, kind=kind, address=address)
    assert refused.value.errors[0]["pointer"] == "/address"
    assert Channel.objects.count() == 0


def test_b69_another_host_gets_another_secret(organisation: Organisation) -> None:
    made, first = add(organisation)
    _, same = change_channel(
        actor=organisation.manager, channel=made, name="Hook", address="https://hooks.example.com/services/other"
    )
    assert same is None, "the same host keeps its secret"
    for place in ("https://evil.example.com/x", "https://hooks.example.com.evil.example/x"):
        moved, second = change_channel(actor=organisation.manager, channel=made, name="Hook", address=place)
        assert second not in {None, first}
        assert secret_of(moved) == second
    assert Entry.objects.filter(type="approvals.channel.changed").count() == 3


def test_a_secret_can_be_renewed(organisation: Organisation) -> None:
    made, first = add(organisation)
    changed, second = change_channel(actor=organisation.manager, channel=made, name="New name", new_secret=True)
    assert second not in {None, first}
    assert (address_of(changed), changed.name) == (ADDRESS, "New name")


def test_an_agent_is_called_back_by_a_signed_webhook_alone(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput):
        add(organisation, kind=ChannelKind.SLACK, team=None, agent=agent)
    made, _ = add(organisation, team=None, agent=agent)
    assert (made.agent_id, made.team_id) == (agent.pk, None)


def test_there_is_an_end_to_channels(organisation: Organisation) -> None:
    for number in range(MOST_CHANNELS):
        add(organisation, name=f"Hook {number}")
    with pytest.raises(Conflict):
        add(organisation)


def test_what_was_ended_stays_ended(organisation: Organisation) -> None:
    made, _ = add(organisation)
    end_channel(actor=organisation.manager, channel=made)
    for asked in (
        lambda: change_channel(actor=organisation.manager, channel=made, name="Again"),
        lambda: try_channel(actor=organisation.manager, channel=made),
        lambda: end_channel(actor=organisation.manager, channel=made),
    ):
        with pytest.raises(Conflict):
            asked()


def test_a_callback_ends_when_its_agent_goes_to_another_team(organisation: Organisation, agent: Agent) -> None:
    made, _ = add(organisation, team=None, agent=agent)
    queued = try_channel(actor=organisation.manager, channel=made)
    assert list(callbacks_of(agent)) == [made]
    accept_transfer(
        actor=organisation.outsider, transfer=offered(organisation, agent), accountable_person=organisation.outsider
    )
    assert not callbacks_of(agent)
    for who in ("manager", "outsider", "security"):
        assert not visible_channels(organisation.people[who])
        with pytest.raises(NotFound):
            try_channel(actor=organisation.people[who], channel=made)
    assert not visible_deliveries(organisation.outsider)
    deliver_due()
    queued.refresh_from_db()
    assert queued.state == DeliveryState.DROPPED.value
    (row,) = rows_of(visible_deliveries(organisation.security))
    assert not row["linked"]
    Delivery.objects.update(state=DeliveryState.DEAD.value)
    for again in (
        lambda: replay(actor=organisation.operator, delivery=queued),
        lambda: replay_all(actor=organisation.operator),
    ):
        with pytest.raises(Conflict):
            again()
    own, _ = add(organisation, actor=organisation.outsider, team=None, agent=agent)
    assert list(callbacks_of(agent)) == [own]


def dead(organisation: Organisation) -> Delivery:
    """A test message of Payments' channel that was given up."""
    made, _ = add(organisation)
    try_channel(actor=organisation.manager, channel=made)
    claimed = claim()
    mark_failed(claimed, "It answered 500.", final=True)
    return claimed[0]


def test_replay_tries_again_from_the_start(organisation: Organisation) -> None:
    given_up = dead(organisation)
    woken = replay(actor=organisation.operator, delivery=given_up)
    assert (woken.state, woken.attempts, woken.fault) == ("waiting", 0, "")
    assert Entry.objects.filter(type="approvals.delivery.replayed").count() == 1
    with pytest.raises(Conflict):
        replay(actor=organisation.operator, delivery=given_up)


def test_who_may_replay(organisation: Organisation) -> None:
    given_up = dead(organisation)
    for who in ("auditor", "approver", "member"):
        with pytest.raises(NotAllowed):
            replay(actor=organisation.people[who], delivery=given_up)
    with pytest.raises(NotFound):
        replay(actor=organisation.outsider, delivery=given_up)
    with pytest.raises(Conflict):
        replay_all(actor=organisation.outsider)
    assert replay_all(actor=organisation.manager) == 1


def test_an_ended_channel_gets_nothing_again(organisation: Organisation) -> None:
    given_up = dead(organisation)
    end_channel(actor=organisation.manager, channel=given_up.channel or Channel())
    with pytest.raises(Conflict):
        replay(actor=organisation.manager, delivery=given_up)
    with pytest.raises(Conflict):
        replay_all(actor=organisation.manager)


def test_mail_to_others_is_not_a_managers_to_see(organisation: Organisation) -> None:
    send_test(actor=organisation.member)
    assert visible_deliveries(organisation.manager).count() == 0
    assert visible_deliveries(organisation.operator).count() == 1


def test_one_test_mail_at_a_time(organisation: Organisation) -> None:
    send_test(actor=organisation.member)
    with pytest.raises(Conflict):
        send_test(actor=organisation.member)
    send_test(actor=organisation.approver)
