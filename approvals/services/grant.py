"""Grants: issued with the approval, redeemed once after everything was looked at again, ended when they are dead."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction

from approvals.events import GrantExpired, GrantIssued, GrantRedeemed, GrantVoided
from approvals.models import ApprovalRequest, Grant
from approvals.rules.heads import lock_name
from approvals.rules.workflow import GrantState, RequestState, advance_grant
from approvals.selectors.grants import dead_because, still_approved
from approvals.selectors.standing import CallerStanding, one_text
from approvals.services.request import end, lock
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.name_lock import hold_name

# One statement finds the grant, checks what it rests on and locks its row: of any number of racing redeemers one
# gets the row, and the others see state = 'redeemed' when it is their turn. The epoch, its scopes and the revisions
# in the WHERE are the ones read for this very question, so a grant of before a stop or of an older policy at any
# level finds no row. A newer commit of the branch is another world as well.
_FIND = """
SELECT g.id FROM approvals_grant g
JOIN registry_agent a ON a.id = g.agent_id
JOIN approvals_approvalrequest r ON r.id = g.request_id
WHERE g.agent_id = %s AND g.digest = %s AND g.state = 'issued' AND g.expires_at > clock_timestamp()
  AND g.epoch = %s AND g.revision_id = %s
  AND a.state = 'active' AND a.revision_id = g.revision_id AND a.owner_team_id = %s
  AND g.epoch = (SELECT CASE WHEN bool_or(k.stopped) THEN -1 ELSE coalesce(sum(k.epoch), 0) END
                 FROM registry_killstate k WHERE k.key = ANY(string_to_array(%s::text, E'\\n')))
  AND r.state = 'approved' AND NOT r.canary
  AND r.organisation_revision_id IS NOT DISTINCT FROM
      (SELECT l.revision_id FROM registry_policylevel l WHERE l.key = 'organisation')
  AND r.team_revision_id IS NOT DISTINCT FROM
      (SELECT l.revision_id FROM registry_policylevel l WHERE l.key = 'team:' || a.owner_team_id)
  AND (r.head = '' OR coalesce((SELECT h.commit FROM approvals_branchhead h
                                WHERE h.repository = ANY(string_to_array(%s::text, E'\\n')) AND h.branch = %s
                                ORDER BY h.at DESC LIMIT 1), r.head) IN (r.head, r.head_known))
ORDER BY g.issued_at DESC LIMIT 1
FOR UPDATE OF g
"""
# Asked again by the database's clock: what came between may have taken longer than the grant had left.
_CONSUME = """
UPDATE approvals_grant SET state = 'redeemed', redeemed_at = clock_timestamp(), tool_use_id = %s
WHERE id = %s AND state = 'issued' AND expires_at > clock_timestamp()
RETURNING redeemed_at
"""
_MOST_TOOL_USE_ID = 200


def issue(*, request: ApprovalRequest) -> Grant:
    """The grant of a request that was just approved; inside the transaction of the last review."""
    now = database_now()
    grant = Grant.objects.create(
        request=request,
        agent_id=request.agent_id,
        digest=bytes(request.digest),
        revision_id=request.revision_id,
        epoch=request.epoch,
        kill_keys=request.kill_keys,
        expires_at=now + timedelta(minutes=request.grant_minutes),
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


class Lapsed(Exception):
    """There is a grant for this, but the verdicts no longer approve it. The transaction holds its row: roll it back."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a call that states a commit would act: the names that its repository has, and the branch."""

    repositories: tuple[str, ...]
    name: str


def redeem(*, standing: CallerStanding, bound: bytes, tool_use_id: str | None, on: Branch | None) -> Grant | None:
    """Consume the live grant for exactly this action, if there is one; inside the check's transaction.

    ``on`` is the branch where the call states a commit: reporting a head waits for whoever redeems on it, and the
    other way round, so that none is let through once a newer commit was taken note of. The verdicts are counted
    again under the row's lock: those of people who have since lost the right, or their account, or turned out to
    have a part in it, give nothing. Raises Lapsed then.
    """
    with connection.cursor() as cursor:
        if on is not None:
            _wait_for_reports(on)
        cursor.execute(
            _FIND,
            [
                standing.agent_id,
                bound,
                standing.epoch,
                standing.basis.agent,
                standing.team_id,
                one_text(standing.kill_keys),
                one_text(on.repositories if on else ()),
                on.name if on else "",
            ],
        )
        found = cursor.fetchone()
        if found is None:
            return None
        grant = Grant.objects.select_related("request", "request__agent", "request__agent__owner_team").get(pk=found[0])
        if not still_approved(grant.request):
            raise Lapsed
        call = (tool_use_id or "")[:_MOST_TOOL_USE_ID]
        cursor.execute(_CONSUME, [call, grant.pk])
        used = cursor.fetchone()
    if used is None:
        return None
    grant.state, grant.redeemed_at, grant.tool_use_id = GrantState.REDEEMED.value, used[0], call
    event = GrantRedeemed(request=grant.request.number, grant=grant.pk, digest=bound.hex(), tool_use_id=call)
    append(
        event,
        actor=Actor("agent", str(standing.agent_id), standing.agent_name),
        at=standing.now,
        agent_id=standing.agent_id,
        run_id=grant.request.run_id,
    )
    return grant


def _wait_for_reports(on: Branch) -> None:
    for repository in on.repositories:
        hold_name(lock_name(repository, on.name), shared=True)


def void_approved(*, request: ApprovalRequest, because: str, by: Actor = SYSTEM) -> bool:
    """Void an approved request and its unused grant; False when the grant was used, has ended, or there is none.

    The request's row is locked by the caller. Whoever redeems holds the grant's row, so one of the two comes first.
    """
    grant = Grant.objects.select_for_update().filter(request=request).first()
    if grant is None or grant.state != GrantState.ISSUED.value or request.state != RequestState.APPROVED.value:
        return False
    now = database_now()
    grant.state = advance_grant(GrantState(grant.state), GrantState.VOIDED).value
    grant.save(update_fields=["state"])
    event = GrantVoided(request=request.number, grant=grant.pk, digest=bytes(grant.digest).hex(), because=because)
    append(event, actor=by, at=now, agent_id=request.agent_id, run_id=request.run_id)
    end(request, RequestState.VOIDED, because=because, by=by)
    return True


@transaction.atomic(durable=True)
def end_if_dead(*, request_id: UUID) -> bool:
    """Write down that an unused grant has expired or died with the world; for the sweep. Nothing rests on it."""
    request = lock(ApprovalRequest(pk=request_id))
    grant = Grant.objects.select_for_update().filter(request=request, state=GrantState.ISSUED.value).first()
    if grant is None:
        return False
    now = database_now()
    if now >= grant.expires_at:
        grant.state = advance_grant(GrantState(grant.state), GrantState.EXPIRED).value
        grant.save(update_fields=["state"])
        event = GrantExpired(
            request=request.number,
            grant=grant.pk,
            digest=bytes(grant.digest).hex(),
            expired_at=instant(grant.expires_at),
        )
        append(event, actor=SYSTEM, at=now, agent_id=request.agent_id, run_id=request.run_id)
        return True
    because = dead_because(grant, request)
    return bool(because) and void_approved(request=request, because=because)
