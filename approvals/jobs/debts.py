"""Noticing exceptions whose use nobody looked at in time."""

from approvals.selectors.exceptions import unnoticed
from approvals.services.exceptions import alert_overdue
from portal.ledger.selectors.entries import database_now


def alert_debts() -> int:
    """Make a finding of each overdue exception that has none; returns how many."""
    return sum(alert_overdue(exception=one) for one in unnoticed(now=database_now()))
