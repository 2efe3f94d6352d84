"""Grants: issued with the approval, redeemed once, checked again in the statement that consumes them."""

from datetime import timedelta

from django.db import connection

from approvals.events import GrantIssued, GrantRedeemed
from approvals.models import ApprovalRequest, Grant
from approvals.selectors.requests import basis_of
from approvals.selectors.standing import CallerStanding, effective_policy, one_text
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

# One statement finds, checks and consumes: of any number of racing redeemers the row lock lets one through,
# and the others see state = 'redeemed'. The epoch, its scopes and the revisions in the WHERE are the ones read
# for this very question, so a grant of before a stop or of an older policy at any level finds no row. Approvals
# are counted again: those of people who have since lost the right or their account give nothing.
_REDEEM = """
UPDATE approvals_grant g SET state = 'redeemed', redeemed_at = clock_timestamp()
FROM registry_agent a, approvals_approvalrequest r
WHERE g.agent_id = %s AND g.digest = %s AND g.state = 'issued' AND g.expires_at > clock_timestamp()
  AND g.epoch = %s AND g.revision_id = %s
  AND a.id = g.agent_id AND a.state = 'active' AND a.revision_id = g.revision_id AND a.owner_team_id = %s
  AND g.epoch = (SELECT CASE WHEN bool_or(k.stopped) THEN -1 ELSE coalesce(sum(k.epoch), 0) END
                 FROM registry_killstate k WHERE k.key = ANY(string_to_array(%s::text, E'\\n')))
  AND r.id = g.request_id AND r.state = 'approved'
  AND r.organisation_revision_id IS NOT DISTINCT FROM
      (SELECT l.revision_id FROM registry_policylevel l WHERE l.key = 'organisation')
  AND r.team_revision_id IS NOT DISTINCT FROM
      (SELECT l.revision_id FROM registry_policylevel l WHERE l.key = 'team:' || a.owner_team_id)
  AND r.quorum <= (SELECT count(DISTINCT v.person_id) FROM approvals_review v
                   JOIN identity_person p ON p.id = v.person_id AND p.is_active
                   WHERE v.request_id = r.id AND v.verdict = 'approve'
                     AND EXISTS (SELECT 1 FROM identity_roleassignment h WHERE h.person_id = p.id
                                 AND (h.role = 'security' OR (h.role = 'approver' AND h.team_id = a.owner_team_id))))
RETURNING g.id
"""


def issue(*, request: ApprovalRequest) -> Grant:
    """The grant of a request that was just approved; inside the transaction of the last review."""
    rule = effective_policy(basis_of(request)).approval(request.task or None)
    now = database_now()
    grant = Grant.objects.create(
        request=request,
        agent_id=request.agent_id,
        digest=bytes(request.digest),
        revision_id=request.revision_id,
        epoch=request.epoch,
        kill_keys=request.kill_keys,
        expires_at=now + timedelta(minutes=rule.grant_minutes),
    )
    event = GrantIssued(
        request=request.number,
        grant=grant.pk,
        digest=bytes(grant.digest).hex(),
        epoch=grant.epoch,
        revision=request.revision.number,
        expires_at=instant(grant.expires_at),
    )
    append(event, actor=SYSTEM, at=now, agent_id=request.agent_id, run_id=request.run_id)
    return grant


def redeem(*, standing: CallerStanding, bound: bytes) -> Grant | None:
    """Consume the live grant for exactly this action, if there is one; inside the check's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REDEEM,
            [
                standing.agent_id,
                bound,
                standing.epoch,
                standing.basis.agent,
                standing.team_id,
                one_text(standing.kill_keys),
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    grant = Grant.objects.select_related("request").get(pk=row[0])
    event = GrantRedeemed(request=grant.request.number, grant=grant.pk, digest=bound.hex())
    append(
        event,
        actor=Actor("agent", str(standing.agent_id), standing.agent_name),
        at=standing.now,
        agent_id=standing.agent_id,
        run_id=grant.request.run_id,
    )
    return grant
