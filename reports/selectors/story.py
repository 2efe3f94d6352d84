"""Reading what happened in a run: its entries, the stops that touched it, and the holes in its sources' numbers."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose_many
from portal.ledger.selectors.log import index_of
from registry.rules.kill import keys_over
from registry.selectors.ownership import owner_at
from reports.models import Run
from reports.rules.story import KILL_TYPES, SILENCE, Told

ORDER = ("occurred_at", "id")

# Numbers are compared within one run and source: a new session starts to count anew.
_HOLES = """
SELECT id, prior + 1, source_counter - 1 FROM (
  SELECT id, source_counter, lag(source_counter) OVER (PARTITION BY source ORDER BY source_counter, id) AS prior
  FROM ledger_entry WHERE run_id = %s AND source_counter IS NOT NULL
) AS numbered WHERE source_counter - prior > 1
"""


def entries_of(run: Run) -> QuerySet[Entry]:
    """Everything of the run in the ledger, and the stops over its agent while it lasted; ordered by ``ORDER``."""
    owner = owner_at(run.agent_id, run.started_at)
    team_id = owner.team_id if owner is not None else run.agent.owner_team_id
    keys = set(keys_over(agent_id=run.agent_id, team_id=team_id, run_id=run.pk))
    # A little beyond the last event, because the stop that ended the run comes after it.
    lasted = (run.started_at, run.last_event_at + SILENCE)
    stops = Entry.objects.filter(type__in=KILL_TYPES, recorded_at__range=lasted)
    # A stop of everything or of a team names no agent, so its key in the body decides; stops are few.
    over = [entry.id for entry in stops if entry.body["data"]["key"] in keys]
    return Entry.objects.filter(Q(run_id=run.pk) | Q(id__in=over))


def told(entries: Sequence[Entry]) -> list[Told]:
    """The entries with their places and what may still be read of their personal values: two queries."""
    places = index_of([entry.id for entry in entries])
    personal = disclose_many(entries)
    return [
        Told(
            id=entry.id,
            type=entry.type,
            at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            source=entry.source,
            data=entry.body["data"],
            personal=personal[entry.id],
            counter=entry.source_counter,
            index=places.get(entry.id),
        )
        for entry in entries
    ]


def holes(run: Run) -> dict[UUID, tuple[int, int]]:
    """For each entry after a hole: the first and last number of its source that never arrived."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLES, [run.pk])
        return {entry_id: (first, last) for entry_id, first, last in cursor.fetchall()}


def last_before(entries: QuerySet[Entry], first: Entry) -> datetime | None:
    """When the item in front of ``first`` happened, so that a silence across two pages is seen."""
    earlier = Q(occurred_at=first.occurred_at, id__lt=first.id) | Q(occurred_at__lt=first.occurred_at)
    return entries.filter(earlier).order_by("-occurred_at", "-id").values_list("occurred_at", flat=True).first()
