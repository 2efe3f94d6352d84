"""Channels and deliveries of every kind, for the test of every page."""

from typing import Any

from approvals.models import Channel, Delivery
from approvals.rules.notices import ChannelKind
from approvals.services.channels import add_channel, end_channel, try_channel
from approvals.services.deliveries import claim, mark_dropped, mark_failed, mark_sent
from approvals.services.notices import send_test
from registry.models import Agent
from tests.organisation import Organisation

_LONG = "https://hooks.a-very-long-name-of-a-host-that-somebody-chose.example.com/services/of/the/team"


def noticing(organisation: Organisation, agent: Agent) -> dict[str, str]:
    """The ids of a live channel, an ended one, and deliveries that were sent, dropped, given up, and that wait."""
    add: dict[str, Any] = {"actor": organisation.manager, "team": organisation.payments}
    made = [
        add_channel(kind=ChannelKind.WEBHOOK, name="Payments approvals, where everybody reads", address=_LONG, **add)[
            0
        ],
        add_channel(kind=ChannelKind.EMAIL, name="Payments list", address="payments-list@example.test", **add)[0],
        add_channel(kind=ChannelKind.SLACK, name="#payments-old", address=_LONG, **add)[0],
    ]
    add_channel(actor=organisation.manager, kind=ChannelKind.WEBHOOK, name="Callback", address=_LONG, agent=agent)
    live, _, old = made
    mark_sent(_tried(organisation, live))
    mark_failed(_tried(organisation, live), "It answered 500.")
    mark_failed(
        _tried(organisation, live), "The name leads to an address that is not of the public internet.", final=True
    )
    mark_dropped(_tried(organisation, live), "The request was settled before.")
    end_channel(actor=organisation.manager, channel=old)
    send_test(actor=organisation.approver)
    return {"channel": str(live.pk), "old_channel": str(old.pk)}


def _tried(organisation: Organisation, channel: Channel) -> list[Delivery]:
    try_channel(actor=organisation.manager, channel=channel)
    return claim()
