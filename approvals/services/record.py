"""Recording a decision before it is given: one INSERT, guarded when the answer is allow."""

from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from approvals.selectors.standing import CallerStanding, one_text
from portal.ledger.services.append import COLUMNS, INSERT, Draft, Row, prepare

# Read again by the very statement that writes the entry: between the SELECT and here a kill, a revoked
# credential, a suspended agent or a new revision at any level may have been committed. Then no row is written
# and nothing is allowed.
STILL_SO = """
FROM registry_credential c JOIN registry_agent a ON a.id = c.agent_id
LEFT JOIN registry_policylevel o ON o.key = 'organisation'
LEFT JOIN registry_policylevel t ON t.key = 'team:' || a.owner_team_id
WHERE c.id = %s AND c.revoked_at IS NULL AND c.expires_at > clock_timestamp()
  AND a.state = 'active' AND a.revision_id = %s AND a.owner_team_id = %s
  AND o.revision_id IS NOT DISTINCT FROM %s::uuid AND t.revision_id IS NOT DISTINCT FROM %s::uuid
  AND %s = (SELECT CASE WHEN bool_or(k.stopped) THEN -1 ELSE coalesce(sum(k.epoch), 0) END
            FROM registry_killstate k WHERE k.key = ANY(string_to_array(%s::text, E'\n')))
"""
_GUARDED = f"""
INSERT INTO ledger_entry ({COLUMNS})
SELECT {", ".join(["%s"] * len(Row._fields))} {STILL_SO}
"""


def rests_on(standing: CallerStanding) -> tuple[Any, ...]:
    """What an allow rests on, as ``STILL_SO`` asks it."""
    return (
        standing.credential_id,
        standing.basis.agent,
        standing.team_id,
        standing.basis.organisation,
        standing.basis.team,
        standing.epoch,
        one_text(standing.kill_keys),
    )


def record(draft: Draft, cursor: CursorWrapper) -> UUID:
    """Write the entry of a refusal: it may stand whatever changed meanwhile. Returns the entry's id."""
    row = prepare(draft)
    cursor.execute(INSERT, row)
    return row.id


def record_if_still_so(draft: Draft, standing: CallerStanding, cursor: CursorWrapper) -> UUID | None:
    """Write the entry of an allow only if everything it rests on still holds; None when it does not."""
    row = prepare(draft)
    cursor.execute(_GUARDED, (*row, *rests_on(standing)))
    return row.id if cursor.rowcount == 1 else None
