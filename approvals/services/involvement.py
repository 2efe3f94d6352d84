"""Who has a part in a request: written when it is opened, in the same transaction."""

from collections.abc import Sequence
from typing import Protocol

from approvals.models import ApprovalRequest
from approvals.selectors.standing import CallerStanding


class Stated(Protocol):
    """What was said of the people around a call: e-mail addresses, as the enforcement point sent them."""

    @property
    def initiator(self) -> str | None: ...

    @property
    def prompt_author(self) -> str | None: ...

    @property
    def co_authors(self) -> Sequence[str]: ...


def involve(request: ApprovalRequest, asked: Stated, standing: CallerStanding) -> None:
    """Write a row for each part that somebody has. The request must be saved; addresses nobody has stay words."""
