"""Entering stops that were ordered without the database: each becomes a real order of the person who gave it."""

import logging

from portal.errors import PortalError
from portal.identity.models import Person
from registry.models import KillOrder
from registry.rules.stop_journal import OfflineOrder, entered_line
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.stopfile import offline_orders
from registry.services.kill import order_kill
from registry.services.stopfile import append_to_journal, entering

log = logging.getLogger(__name__)


def enter_offline_orders(*, actor: Person | None = None) -> list[KillOrder]:
    """Enter every journalled stop that waits. ``actor`` takes over those whose own person may not order them.

    One that cannot be entered goes on waiting, in force in the stop file, and the pages say so.
    """
    if not offline_orders()[0]:
        return []
    entered = []
    with entering():
        for waiting in offline_orders()[0]:
            order = _enter(waiting, actor)
            if order is not None:
                append_to_journal(entered_line(waiting, order.number))
                entered.append(order)
    return entered


def _enter(waiting: OfflineOrder, actor: Person | None) -> KillOrder | None:
    # Entering twice (a crash before the journal's line) meets the order in force and makes no second one.
    # An address that no database takes is nobody's; it must not keep the lines after it from being entered.
    known = fault_in(waiting.by, most=MOST_TEXT) is None
    own = Person.objects.filter(email__iexact=waiting.by, is_active=True).first() if known else None
    refusals = []
    for person in (own, actor):
        if person is None:
            continue
        reason = f"{waiting.reason}\n(Ordered by {waiting.by} at {waiting.at} while the portal had no database.)"
        try:
            return order_kill(actor=person, kind=waiting.kind, scope_id=waiting.scope, reason=reason)
        except PortalError as error:
            refusals.append(error.detail)
    log.error(
        "The stop of %s that %s ordered offline is not entered: %s",
        waiting.key,
        ascii(waiting.by),  # a line of the journal can hold what no log can
        " ".join(refusals) or "no active person has that e-mail address.",
    )
    return None
