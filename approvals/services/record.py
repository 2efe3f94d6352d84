"""Recording a decision before it is given: one INSERT, guarded when the answer is allow."""

from uuid import UUID

from django.db import connection

from approvals.selectors.standing import CallerStanding
from portal.ledger.services.append import COLUMNS, INSERT, Draft, Row, prepare

# Read again by the very statement that writes the entry: between the SELECT and here a kill, a revoked
# credential, a suspended agent or a new revision may have been committed. Then no row is written and
# nothing is allowed.
_GUARDED = f"""
INSERT INTO ledger_entry ({COLUMNS})
SELECT {", ".join(["%s"] * len(Row._fields))}
FROM registry_credential c JOIN registry_agent a ON a.id = c.agent_id
WHERE c.id = %s AND c.revoked_at IS NULL AND c.expires_at > clock_timestamp()
  AND a.state = 'active' AND a.revision_id = %s AND a.owner_team_id = %s
  AND NOT EXISTS (SELECT 1 FROM registry_killstate k
                  WHERE k.key IN ('all', 'team:' || a.owner_team_id, 'agent:' || a.id) AND k.stopped)
  AND %s = (SELECT coalesce(sum(k.epoch), 0) FROM registry_killstate k
            WHERE k.key IN ('all', 'team:' || a.owner_team_id, 'agent:' || a.id))
"""  # noqa: S608


def record(draft: Draft) -> UUID:
    """Write the entry of a refusal: it may stand whatever changed meanwhile. Returns the entry's id."""
    row = prepare(draft)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
    return row.id


def record_if_still_so(draft: Draft, standing: CallerStanding) -> UUID | None:
    """Write the entry of an allow only if everything it rests on still holds; None when it does not."""
    row = prepare(draft)
    with connection.cursor() as cursor:
        cursor.execute(
            _GUARDED,
            (*row, standing.credential_id, standing.revision_id, standing.team_id, standing.epoch),
        )
        return row.id if cursor.rowcount == 1 else None
