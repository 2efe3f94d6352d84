"""Who has a part in a request: written when it is opened, in the same transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from django.db.models import Q

from approvals.models import ApprovalRequest, Involvement
from approvals.rules.duties import Part
from approvals.selectors.rulebook import book_of
from approvals.selectors.standing import CallerStanding
from portal.identity.models import Person
from portal.identity.selectors.people import accounts_at
from registry.models import PolicyRevision
from registry.rules.levels import Level

# More addresses than a change has authors: the rest stays in the view, as words.
MOST_AUTHORS: Final = 100

Parts = dict[tuple[UUID, Part], str]


class Stated(Protocol):
    """What was said of the people around a call: e-mail addresses, as the enforcement point sent them."""

    @property
    def initiator(self) -> str | None: ...

    @property
    def prompt_author(self) -> str | None: ...

    @property
    def co_authors(self) -> Sequence[str]: ...


def involve(request: ApprovalRequest, asked: Stated, standing: CallerStanding) -> None:
    """Write a row for each part that somebody has. The request must be saved; addresses nobody has stay words.

    Closed accounts are written as well: the person behind one may have another.
    """
    parts: Parts = {(standing.credential_issuer, Part.CREDENTIAL_HOLDER): ""}
    if request.initiator_id is not None:
        parts[request.initiator_id, Part.INITIATOR] = ""
    _add(parts, Part.INITIATOR, (asked.initiator,))
    _add(parts, Part.PROMPT_AUTHOR, (asked.prompt_author,))
    _add(parts, Part.CO_AUTHOR, asked.co_authors[:MOST_AUTHORS])
    parts |= _policy_editors(request, now=standing.now)
    Involvement.objects.bulk_create(
        Involvement(request=request, person_id=person_id, part=part.value, detail=detail)
        for (person_id, part), detail in parts.items()
    )


def add_part(request: ApprovalRequest, person: Person, part: Part, detail: str = "") -> None:
    """Write one part more; once is enough, so a second time is the same."""
    Involvement.objects.get_or_create(request=request, person=person, part=part.value, defaults={"detail": detail})


def _add(parts: Parts, part: Part, addresses: Iterable[str | None]) -> None:
    for person_id in accounts_at([address for address in addresses if address]):
        parts.setdefault((person_id, part), "")


def _policy_editors(request: ApprovalRequest, *, now: datetime) -> Parts:
    """Who wrote a revision, of any level over the agent, within the days that the rulebook says; the newest is told."""
    days = book_of(request.rulebook_id).book.duties.policy_editor_days
    over = (
        Q(agent_id=request.agent_id)
        | Q(team_id=request.agent.owner_team_id)
        | Q(level=Level.ORGANISATION.value, agent=None, team=None)
    )
    rows = PolicyRevision.objects.filter(over, created_at__gt=now - timedelta(days=days)).order_by("-created_at")
    found: Parts = {}
    for author, level, number, at in rows.values_list("author_id", "level", "number", "created_at"):
        whose = "the agent" if level == Level.AGENT.value else f"the {level}"
        found.setdefault((author, Part.POLICY_EDITOR), f"revision {number} of {whose}, {at:%Y-%m-%d}")
    return found
