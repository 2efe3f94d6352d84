"""Numbers that people read (AR-12, stop 3): drawn from a sequence, so unique without a race."""

from django.db import connection


def next_number(sequence: str) -> int:
    """The next number of a sequence that ``portal.ledger.protect.numbered`` made. Gaps are possible."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s::regclass)", [sequence])
        return int(cursor.fetchone()[0])
