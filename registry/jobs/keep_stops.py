"""Keeps the record of stops whole: late entries, leases that ended without a word, points long gone."""

from registry.services.kill import enter_unrecorded
from registry.services.lease import forget_old_points, note_ended_leases


def keep_stops() -> None:
    """Enter the stops that the ledger did not take, then note which leases have ended since."""
    enter_unrecorded()
    note_ended_leases()
    forget_old_points()
