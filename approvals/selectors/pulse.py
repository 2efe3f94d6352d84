"""Whether anything may have changed of what waits, for many open inboxes at the price of one statement.

Each process asks the database at most twice a second, for all teams at once, and compares what every inbox has seen
with that. It errs to one side: what has not changed is sometimes read again, and what has is told within half a second.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any, Final

from django.db import connection

from approvals.selectors.delegations import held_by
from approvals.selectors.rights import groups_of
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of

# The scope of whoever sees requests of more than their own teams.
EVERYTHING: Final = "*"
SECONDS: Final = 0.5

# For each team: its pending requests in time, how its agents stand, the last verdict of late. And once: the stops and
# the policies above the agents. Verdicts of ten minutes are found by their keys, which begin with the time.
_SELECT: Final = """SELECT a.owner_team_id::text,
       sum(hashtext(a.state || coalesce(a.revision_id::text, ''))::bigint), sum(w.n), sum(w.h)
FROM registry_agent a
LEFT JOIN (SELECT agent_id, count(*) AS n, sum(hashint8(number)::bigint * (1 + escalations)) AS h
           FROM approvals_approvalrequest WHERE state = 'pending' AND expires_at > now() GROUP BY agent_id) w
  ON w.agent_id = a.id
GROUP BY 1
UNION ALL
SELECT 'review:' || a.owner_team_id, count(*), 0, max(extract(epoch FROM v.at) * 1000000)::bigint
FROM approvals_review v
JOIN approvals_approvalrequest r ON r.id = v.request_id
JOIN registry_agent a ON a.id = r.agent_id
WHERE v.id > (lpad(to_hex(((extract(epoch FROM now()) - 600) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
GROUP BY 1
UNION ALL
SELECT '', (SELECT coalesce(sum(epoch), 0) FROM registry_killstate),
       (SELECT coalesce(sum(hashtext(revision_id::text)::bigint), 0) FROM registry_policylevel), 0
"""


class _Kept:
    """What the last statement said, and when. One thread asks; the others take what is there meanwhile."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.at = float("-inf")
        self.by_team: Mapping[str, tuple[Any, ...]] = {}


_kept = _Kept()


def scope_of(person: Person, *, now: datetime) -> list[str]:
    """The teams whose requests the person may see, or everything where it may be more than those."""
    authority = authority_of(person)
    if authority.has(Role.SECURITY) or authority.has(Role.AUDITOR):
        return [EVERYTHING]
    if groups_of(person.pk) or held_by(person, now=now):
        return [EVERYTHING]
    return sorted({str(team) for team in authority.teams} | {str(team) for _, team in authority.roles if team})


def pulse_of(scope: Iterable[str]) -> str:
    """A few letters that are others as soon as something of these teams may have changed."""
    by_team = _by_team()
    wanted = set(scope)
    names = sorted(by_team) if EVERYTHING in wanted else sorted({"", *wanted, *(f"review:{one}" for one in wanted)})
    facts = [(name, by_team.get(name)) for name in names]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def forget() -> None:
    """Ask the database again the next time, however soon."""
    _kept.at = float("-inf")


def _by_team() -> Mapping[str, tuple[Any, ...]]:
    if monotonic() - _kept.at < SECONDS:
        return _kept.by_team
    first = _kept.at == float("-inf")
    if not _kept.lock.acquire(blocking=first):
        return _kept.by_team
    try:
        if monotonic() - _kept.at >= SECONDS:
            _kept.by_team = _read()
            _kept.at = monotonic()
    finally:
        _kept.lock.release()
    return _kept.by_team


def _read() -> Mapping[str, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_SELECT)
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}
