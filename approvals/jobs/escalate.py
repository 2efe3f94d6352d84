"""Telling the next in line of requests that nobody decides, a row at a time, each in its own transaction."""

from approvals.selectors.on_call import due_for_escalation
from approvals.selectors.rulebook import book_in_force
from approvals.services.escalation import escalate_if_due
from portal.ledger.selectors.entries import database_now

LIMIT = 200


def escalate_due() -> int:
    """Escalate what is due, the least time left first; returns how many people were told."""
    due = due_for_escalation(database_now(), after_percent=book_in_force().book.escalation.after_percent)
    keys = list(due.values_list("pk", flat=True)[:LIMIT])
    return sum(escalate_if_due(request_id=key) is not None for key in keys)
