"""Taking a verdict back: while nothing rests on it that cannot be taken back with it."""

from collections.abc import Sequence

from django.db import transaction

from approvals.models import ApprovalRequest
from portal.identity.models import Person


@transaction.atomic(durable=True)
def undo(*, actor: Person, request: ApprovalRequest, sign_in: Sequence[str] = ()) -> ApprovalRequest:
    """Take the actor's own approval back.

    While the request waits, the verdict no longer counts; once it is approved and the grant not used, grant and
    request are voided. Anything else is InvalidTransition (409).
    """
    raise NotImplementedError
