"""Grants: issued with the approval, redeemed once after everything was looked at again, ended when they are dead."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from approvals.events import GrantExpired, GrantIssued, GrantRedeemed, GrantVoided
from approvals.models import ApprovalRequest, Grant
from approvals.rules.workflow import GrantState, RequestState, advance_grant
from approvals.selectors.grants import dead_because
from approvals.selectors.redeeming import grant_with_scene
from approvals.selectors.standing import CallerStanding
from approvals.services.record import STILL_SO, rests_on
from approvals.services.request import end, lock
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import COLUMNS, Draft, Row, append, prepare_many

# Asked again by the database's clock and of everything that an allow rests on: what came between may have taken longer
# than the grant had left, or been a stop. The use and its two entries are written by one statement, or none of them.
_REDEEM = f"""
WITH used AS (
    UPDATE approvals_grant SET state = 'redeemed', redeemed_at = clock_timestamp(), tool_use_id = %s
    WHERE id = %s AND state = 'issued' AND expires_at > clock_timestamp() AND EXISTS (SELECT {STILL_SO})
    RETURNING redeemed_at
), noted AS (
    INSERT INTO ledger_entry ({COLUMNS}) SELECT {", ".join(["%s"] * len(Row._fields))} FROM used
)
INSERT INTO ledger_entry ({COLUMNS}) SELECT {", ".join(["%s"] * len(Row._fields))} FROM used
RETURNING (SELECT redeemed_at FROM used)
"""  # noqa: S608
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


def approved_grant(grant_id: UUID, cursor: CursorWrapper) -> Grant:
    """The grant whose row ``first_look`` has locked, with its request, its verdicts counted again under that lock.

    Those of people who have since lost the right, or their account, or turned out to have a part in it, give nothing.
    Raises Lapsed when the others do not approve it.
    """
    grant, scene = grant_with_scene(grant_id, cursor)
    if scene.settled.state is not RequestState.APPROVED:
        raise Lapsed
    return grant


def redeem(
    grant: Grant, *, standing: CallerStanding, tool_use_id: str | None, check: Draft, cursor: CursorWrapper
) -> UUID | None:
    """Use the grant up and record the ``check`` that it lets through; returns that entry's id.

    None, and nothing is written, when the world moved since it was asked: a kill committed while another redeemer's
    lock was waited for is seen here, since a statement of its own has a younger view of the world.
    """
    call = (tool_use_id or "")[:_MOST_TOOL_USE_ID]
    request = grant.request
    event = GrantRedeemed(request=request.number, grant=grant.pk, digest=bytes(grant.digest).hex(), tool_use_id=call)
    noted = Draft(event=event, actor=check.actor, at=check.at, agent_id=check.agent_id, run_id=request.run_id)
    rows = prepare_many([noted, check])
    cursor.execute(_REDEEM, (call, grant.pk, *rests_on(standing), *rows[0], *rows[1]))
    used = cursor.fetchone()
    if used is None:
        return None
    grant.state, grant.redeemed_at, grant.tool_use_id = GrantState.REDEEMED.value, used[0], call
    return rows[1].id


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
