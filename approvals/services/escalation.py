"""Telling the next person in on-call order that a request waits and its time runs out."""

from uuid import UUID

from django.db import transaction

from approvals.events import RequestEscalated
from approvals.models import ApprovalRequest
from approvals.rules.escalation import MOST_STEPS, is_due
from approvals.rules.workflow import RequestState
from approvals.selectors.deciding import run_of
from approvals.selectors.on_call import on_call
from approvals.selectors.requests import obstacle
from approvals.selectors.rulebook import book_in_force
from approvals.services.request import lock
from portal.identity.models import Person
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append


@transaction.atomic(durable=True)
def escalate_if_due(*, request_id: UUID) -> Person | None:
    """Tell the next person, if it is time; who was told. After the last the first is told again.

    Where nobody is left to tell, the row says that all steps are done, so that it is not looked at again.
    """
    request = lock(ApprovalRequest(pk=request_id))
    now = database_now()
    if request.state != RequestState.PENDING.value or obstacle(request, now=now) is not None:
        return None
    percent = book_in_force().book.escalation.after_percent
    told = request.escalations
    if not is_due(request.opened_at, request.expires_at, after_percent=percent, told=told, now=now):
        return None
    order = on_call(request)
    if not order:
        request.escalations = MOST_STEPS
        request.save(update_fields=["escalations"])
        return None
    following = order[told % len(order)]
    request.escalations, request.escalated_at = told + 1, now
    request.save(update_fields=["escalations", "escalated_at"])
    event = RequestEscalated(
        request=request.number,
        to=following.person.pk,
        step=told + 1,
        instead_of=following.instead_of.pk if following.instead_of else None,
    )
    append(event, actor=SYSTEM, at=now, agent_id=request.agent_id, run_id=run_of(request))
    return following.person
