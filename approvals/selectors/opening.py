"""Reading what a new request is drawn from, while its opener holds the rulebook: one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from approvals.selectors.rulebook import InForceBook, book_of
from approvals.selectors.standing import CallerStanding

# Of each author the newest revision over the agent: whether it is new enough is the rulebook's to say. A number is
# drawn only where one can be used. statement_timestamp(): clock_timestamp() could not be looked up in an index. What
# waits is counted under a FILTER, or PostgreSQL goes through everything that waits in the portal, by its expiry.
_READ = """
SELECT clock_timestamp(), (SELECT b.id FROM approvals_rulebook b ORDER BY b.number DESC LIMIT 1),
       w.waiting, CASE WHEN %(most)s::int IS NULL OR w.waiting < %(most)s::int
                       THEN nextval('approvals_request_number') END,
       (SELECT count(*) FROM approvals_approvalrequest q
        WHERE q.agent_id = a.id AND NOT q.canary AND q.opened_at > statement_timestamp() - interval '10 minutes'),
       EXISTS (SELECT FROM approvals_approvalrequest q
               WHERE q.agent_id = a.id AND q.precedent = %(precedent)s AND q.state = 'approved' AND NOT q.canary),
       (SELECT json_agg(json_build_array(e.author_id, e.level, e.number, e.created_at))
        FROM (SELECT DISTINCT ON (v.author_id) v.author_id, v.level, v.number, v.created_at
              FROM registry_policyrevision v
              WHERE v.agent_id = a.id OR v.team_id = a.owner_team_id
                 OR (v.level = 'organisation' AND v.agent_id IS NULL AND v.team_id IS NULL)
              ORDER BY v.author_id, v.created_at DESC) e)::text,
       a.name, a.platform, a.trigger, a.human_position, t.name, coalesce(y.name, ''), i.name
FROM registry_agent a
JOIN identity_team t ON t.id = a.owner_team_id
LEFT JOIN identity_person y ON y.id = a.accountable_person_id
JOIN identity_person i ON i.id = %(issuer)s
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE NOT q.canary AND q.expires_at > %(now)s) AS waiting
                    FROM approvals_approvalrequest q WHERE q.agent_id = a.id AND q.state = 'pending') w
WHERE a.id = %(agent)s
"""


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody who wrote a policy over the agent, and the newest revision that they wrote."""

    author_id: UUID
    level: str
    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What is said of the agent: its own words, and the names of its team and of whoever answers for it."""

    name: str
    platform: str
    trigger: str
    human_position: str
    team: str
    accountable: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a new request is drawn from. ``number`` is None where as many wait as may.

    ``waiting`` counts the agent's requests that wait, ``opened`` those of the last ten minutes, ``approved_before``
    whether it was ever approved for anything alike. ``issuer`` is the name of whoever issued the credential.
    """

    now: datetime
    ruled: InForceBook
    waiting: int
    number: int | None
    opened: int
    approved_before: bool
    editors: tuple[Editor, ...]
    agent: AgentFacts
    issuer: str


def ground_of(standing: CallerStanding, *, precedent: str, most_waiting: int | None) -> Ground:
    """Read it fresh; no number is drawn where ``most_waiting`` or more wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "most": most_waiting,
                "precedent": precedent,
                "issuer": standing.credential_issuer,
                "now": standing.now,
                "agent": standing.agent_id,
            },
        )
        row = cursor.fetchone()
    now, book_id, waiting, number, opened, approved_before, editors, *names, issuer = row
    return Ground(
        now, book_of(book_id), waiting, number, opened, approved_before, _editors(editors), AgentFacts(*names), issuer
    )


def _editors(text: str | None) -> tuple[Editor, ...]:
    rows: list[list[Any]] = [] if text is None else orjson.loads(text)
    return tuple(Editor(UUID(who), level, number, datetime.fromisoformat(at)) for who, level, number, at in rows)
