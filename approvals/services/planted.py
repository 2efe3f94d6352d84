"""What became of a canary, written down in the transaction that ends its request, whatever ends it."""

from datetime import datetime

from approvals.exception_events import CanarySettled
from approvals.models import ApprovalRequest, Canary
from approvals.rules.canary import CanaryOutcome
from portal.ledger.events import Actor
from portal.ledger.services.append import append


def settle(request: ApprovalRequest, outcome: CanaryOutcome, *, by: Actor, at: datetime) -> None:
    """Keep the outcome of a canary whose request has just ended; its row is locked by the caller."""
    planted = Canary.objects.filter(pk=request.pk, outcome="").first()
    if planted is None:
        return
    planted.outcome, planted.settled_at = outcome.value, at
    planted.save(update_fields=["outcome", "settled_at"])
    event = CanarySettled(request=request.number, template=planted.template, outcome=outcome.value)
    append(event, actor=by, at=at, agent_id=request.agent_id)
