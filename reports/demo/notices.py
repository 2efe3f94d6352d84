"""How the demonstration's people want to be told: a list of Payments, and two who do not want a mail each."""

from datetime import time

from approvals.rules.notices import ChannelKind, Digest
from approvals.services.channels import add_channel
from approvals.services.notices import choose_notices
from reports.demo.organisation import Organisation


def set_notices(organisation: Organisation) -> None:
    """Mail alone: a demonstration sends nothing to other machines."""
    people = organisation.people
    add_channel(
        actor=people["maya"],
        kind=ChannelKind.EMAIL,
        name="Payments approvals list",
        address="payments-approvals@example.test",
        team=organisation.payments,
    )
    choose_notices(
        actor=people["daniel"],
        kinds=None,
        timezone="Europe/Berlin",
        quiet_from=time(20),
        quiet_to=time(7),
    )
    choose_notices(actor=people["ingrid"], kinds=None, timezone="Europe/Oslo", digest=Digest.HOURLY)
