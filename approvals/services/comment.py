"""Commenting: saying something about a request beside any verdict."""

from django.db import transaction

from approvals.models import ApprovalRequest, Comment
from portal.identity.models import Person


@transaction.atomic(durable=True)
def comment(*, actor: Person, request: ApprovalRequest, text: str) -> Comment:
    """Keep what somebody who sees the request says about it. It decides nothing."""
    raise NotImplementedError
