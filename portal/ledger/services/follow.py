"""Following the log: each follower reads sealed entries in order, once, from its own cursor.

The entry is the outbox. What a follower writes to the database and the move of its cursor commit
together, so a crash repeats nothing and loses nothing.
"""

from collections.abc import Callable, Collection, Sequence

from django.db import connection, transaction

from portal.ledger.models import Cursor, Entry
from portal.ledger.selectors.log import newest_index

Handler = Callable[[Sequence[Entry]], None]


@transaction.atomic(durable=True)
def follow(name: str, *, types: Collection[str], handle: Handler, limit: int = 500) -> int:
    """Give ``handle`` the next entries of ``types``; return how many indexes were passed over.

    0 means that there is nothing new, or that another process follows under this name right now.
    """
    Cursor.objects.get_or_create(name=name)
    cursor = Cursor.objects.select_for_update(skip_locked=True).filter(name=name).first()
    if cursor is None:
        return 0
    end = min(cursor.next_index + limit, newest_index() + 1)
    passed = end - cursor.next_index
    if passed <= 0:
        return 0
    entries = _entries(cursor.next_index, end, types)
    if entries:
        handle(entries)
    cursor.next_index = end
    cursor.save(update_fields=["next_index"])
    return passed


def _entries(first: int, end: int, types: Collection[str]) -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.index, l.entry_id, l.recorded_at FROM ledger_leaf l"
            " WHERE l.index >= %s AND l.index < %s ORDER BY l.index",
            [first, end],
        )
        places = {row[1]: (row[0], row[2]) for row in cursor.fetchall()}
    if not places:
        return []
    times = [time for _, time in places.values()]
    found = Entry.objects.filter(
        id__in=list(places),
        recorded_at__range=(min(times), max(times)),  # prunes month partitions
        type__in=list(types),
    )
    return sorted(found, key=lambda entry: places[entry.id][0])
