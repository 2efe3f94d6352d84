"""Editing: a reviewer changes what was asked and approves the changed call, which is another one with its own digest."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from approvals.models import ApprovalRequest
from approvals.services.review import Shown
from portal.identity.models import Person


@transaction.atomic(durable=True)
def edit_and_approve(
    *,
    actor: Person,
    request: ApprovalRequest,
    tool_input: Mapping[str, Any],
    reason: str,
    view_hash: bytes,
    sign_in: Sequence[str] = (),
    shown: Shown | None = None,
    fresh: bool = False,
) -> ApprovalRequest:
    """The request that takes the place of the edited one, with the editor's approval where the rulebook counts it."""
    raise NotImplementedError
