"""The first look at a gated question: the grant for exactly this, locked, or else what stands for and against it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from approvals.rules.heads import lock_name
from approvals.selectors.standing import CallerStanding, one_text
from portal.ledger.services.name_lock import hold_name

# Finds the grant, checks what it rests on and locks its row: of any number of racing redeemers one gets the row, and
# the others see state = 'redeemed' when it is their turn. The epoch, its scopes and the revisions in the WHERE are
# the ones read for this very question, so a grant of before a stop or of an older policy at any level finds no row. A
# newer commit of the branch is another world as well (selectors.requests.moved_since says the same in sentences).
_FIND = """
SELECT g.id FROM approvals_grant g
JOIN registry_agent a ON a.id = g.agent_id
JOIN approvals_approvalrequest r ON r.id = g.request_id
WHERE g.agent_id = %(agent)s AND g.digest = %(digest)s AND g.state = 'issued' AND g.expires_at > clock_timestamp()
  AND g.epoch = %(epoch)s AND g.revision_id = %(revision)s
  AND a.state = 'active' AND a.revision_id = g.revision_id AND a.owner_team_id = %(team)s
  AND g.epoch = (SELECT CASE WHEN bool_or(k.stopped) THEN -1 ELSE coalesce(sum(k.epoch), 0) END
                 FROM registry_killstate k WHERE k.key = ANY(string_to_array(%(keys)s::text, E'\\n')))
  AND r.state = 'approved' AND NOT r.canary
  AND r.organisation_revision_id IS NOT DISTINCT FROM
      (SELECT l.revision_id FROM registry_policylevel l WHERE l.key = 'organisation')
  AND r.team_revision_id IS NOT DISTINCT FROM
      (SELECT l.revision_id FROM registry_policylevel l WHERE l.key = 'team:' || a.owner_team_id)
  AND (r.head = '' OR coalesce((SELECT h.commit FROM approvals_branchhead h
                                WHERE h.repository = ANY(string_to_array(%(names)s::text, E'\\n'))
                                  AND h.branch = %(branch)s
                                ORDER BY h.at DESC LIMIT 1), r.head) IN (r.head, r.head_known))
ORDER BY g.issued_at DESC LIMIT 1
FOR UPDATE OF g
"""
_NO_GRANT = "SELECT NULL::uuid AS id"
# The rest is asked only where there is no grant. Whether an exception may fit: it is read and held after this.
_LOOK = """
WITH found AS MATERIALIZED ({find})
SELECT f.id,
       CASE WHEN f.id IS NULL THEN EXISTS (
           SELECT FROM approvals_gateexception x
           WHERE x.agent_id = %(agent)s AND x.state = 'granted' AND x.ends_at > clock_timestamp()) END,
       CASE WHEN f.id IS NULL THEN (
           SELECT q.state FROM approvals_approvalrequest q
           WHERE q.run_id = %(run)s AND q.agent_id = %(agent)s AND q.digest = %(digest)s AND NOT q.canary
             AND q.state <> 'pending'
           ORDER BY q.number DESC LIMIT 1) END,
       CASE WHEN f.id IS NULL THEN EXISTS (
           SELECT FROM approvals_approvalrequest q
           WHERE q.agent_id = %(agent)s AND q.digest = %(digest)s AND q.state = 'pending') END
FROM (VALUES (1)) one LEFT JOIN found f ON true
"""
_WITH_GRANT, _WITHOUT = _LOOK.format(find=_FIND), _LOOK.format(find=_NO_GRANT)


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a call that states a commit would act: the names that its repository has, and the branch."""

    repositories: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The grant whose row is locked now; where there is none, what else is to be looked at.

    ``gate_open`` is whether any exception of the agent runs, ``last`` the state in which the last request for exactly
    this call of this run was settled, ``waits`` whether one for exactly this is pending.
    """

    grant: UUID | None
    gate_open: bool
    last: str | None
    waits: bool


def first_look(
    *,
    standing: CallerStanding,
    bound: bytes,
    run: UUID,
    on: Branch | None,
    with_grant: bool,
    cursor: CursorWrapper,
) -> FirstLook:
    """One statement; inside the check's transaction. ``with_grant`` is whether a grant would do.

    ``on`` is the branch where the call states a commit: reporting a head waits for whoever redeems on it, and the
    other way round, so that none is let through once a newer commit was taken note of.
    """
    asked: dict[str, Any] = {"agent": standing.agent_id, "digest": bound, "run": run}
    if with_grant:
        if on is not None:
            for repository in on.repositories:
                hold_name(lock_name(repository, on.name), shared=True)
        asked |= {
            "epoch": standing.epoch,
            "revision": standing.basis.agent,
            "team": standing.team_id,
            "keys": one_text(standing.kill_keys),
            "names": one_text(on.repositories if on else ()),
            "branch": on.name if on else "",
        }
    cursor.execute(_WITH_GRANT if with_grant else _WITHOUT, asked)
    grant, gate_open, last, waits = cursor.fetchone()
    return FirstLook(grant, bool(gate_open), last, bool(waits))
