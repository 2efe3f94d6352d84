"""Notices work that went on although it was stopped, as soon as it is in the log."""

from collections.abc import Sequence

from portal.ledger.models import Entry
from registry.models import Agent, FindingKind
from registry.services.findings import flag
from reports.rules.after_stop import CHECK, EVENT, sentence
from reports.selectors.after_stop import activity_in

TYPES = frozenset({CHECK, EVENT})


def watch(entries: Sequence[Entry]) -> None:
    """Flag each run that went on within a stop, once; the certificate of the stop lists every entry.

    Runs in the transaction that moves the follower's cursor.
    """
    noticed: set[str] = set()
    for found in activity_in(entries):
        agent_id = found.entry.agent_id
        key = f"after-stop:{found.order.number}:{agent_id}:{found.entry.run_id or 'no-run'}"
        if agent_id is None or key in noticed:
            continue
        noticed.add(key)
        agent = Agent.objects.select_related("owner_team").get(pk=agent_id)
        said = sentence(found.sign, agent=agent.name, order=found.order.number, ordered_at=found.order.ordered_at)
        flag(
            kind=FindingKind.ACTIVITY_AFTER_STOP,
            key=key,
            sentence=said,
            agent=agent,
            order=found.order,
            entry_id=found.entry.id,
        )
