"""Keeping that a verdict was refused: in a transaction of its own, for that of the verdict is rolled back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from approvals.events import VerdictRefused
from approvals.models import ApprovalRequest, RefusedVerdict
from approvals.rules.refused import rule_of
from approvals.rules.workflow import Verdict
from approvals.selectors.deciding import run_of
from portal.errors import PortalError
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

logger = logging.getLogger(__name__)


@contextmanager
def refusal_kept(*, actor: Person, request: ApprovalRequest, verdict: Verdict) -> Iterator[None]:
    """Around the transaction of a verdict: what is refused in it is kept when it says something about the person."""
    try:
        yield
    except PortalError as error:
        keep_refusal(actor=actor, request=request, verdict=verdict, error=error)
        raise


def keep_refusal(*, actor: Person, request: ApprovalRequest, verdict: Verdict, error: PortalError) -> None:
    """Keep a refusal that says something about the person (approvals.rules.refused), the first of its kind.

    The caller's transaction is over. Whatever becomes of this one, the answer stays the refusal that it was.
    """
    rule = rule_of(error.code, error.extra.get("reason"))
    if rule is None:
        return
    try:
        _keep(actor, request, verdict, rule)
    except Exception:
        logger.exception("A refused verdict on %s could not be recorded", request.label)


@transaction.atomic(durable=True)
def _keep(actor: Person, request: ApprovalRequest, verdict: Verdict, rule: str) -> None:
    """The row is unique, so of many tries, at once or later, one writes the entry."""
    _, first = RefusedVerdict.objects.get_or_create(
        request=request, person=actor, rule=rule, defaults={"verdict": verdict.value}
    )
    if not first:
        return
    event = VerdictRefused(request=request.number, digest=bytes(request.digest).hex(), verdict=verdict.value, rule=rule)
    append(event, actor=actor_for(actor), at=database_now(), agent_id=request.agent_id, run_id=run_of(request))
