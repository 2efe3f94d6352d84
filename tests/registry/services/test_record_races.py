"""Two at once: one finding for one key, one answer to one offer, with two real connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from portal.errors import Conflict
from portal.ledger.models import Entry
from registry.models import Agent, Finding, FindingKind, OwnershipTransfer
from registry.services.findings import flag
from registry.services.transfer import accept_transfer, withdraw_transfer
from tests.organisation import Organisation
from tests.registry.recording import offered

pytestmark = pytest.mark.django_db(transaction=True)


def _at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act returned, or the refusal it met; each on a connection of its own, all started together."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            start.wait(60)
            return act()
        except Conflict as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_one_key_is_one_finding(organisation: Organisation, agent: Agent) -> None:
    def notice() -> Finding | None:
        return flag(kind=FindingKind.ACTIVITY_AFTER_STOP, key="same", sentence="It acted.", agent=agent)

    found = _at_once(notice, notice, notice, notice)
    assert sum(one is not None for one in found) == 1
    assert Finding.objects.count() == 1
    assert Entry.objects.filter(type="registry.finding.noticed").count() == 1


def test_an_offer_is_accepted_or_withdrawn_never_both(organisation: Organisation, agent: Agent) -> None:
    transfer = offered(organisation, agent)
    answers = _at_once(
        lambda: accept_transfer(
            actor=organisation.outsider, transfer=transfer, accountable_person=organisation.outsider
        ),
        lambda: withdraw_transfer(actor=organisation.manager, transfer=transfer, reason="Changed our mind."),
    )
    refused = [one for one in answers if isinstance(one, Conflict)]
    assert len(refused) == 1
    agent.refresh_from_db()
    ended = OwnershipTransfer.objects.get().state
    assert (ended, agent.owner_team) in [
        ("accepted", organisation.platform),
        ("withdrawn", organisation.payments),
    ]
    assert Entry.objects.filter(type="registry.transfer.answered").count() == 1
