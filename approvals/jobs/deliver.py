"""Sending what is due: a row at a time, never inside a transaction."""


def deliver_due() -> int:
    """Send what is due; returns how many were tried."""
    return 0
