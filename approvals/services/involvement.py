"""Who has a part in a request: written when it is opened, with it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from django.db import connection
from django.db.models import IntegerField, JSONField
from uuid_utils.compat import uuid7

from approvals.models import ApprovalRequest, Involvement
from approvals.rules.duties import Part
from approvals.rules.rulebook import Book
from approvals.selectors.opening import Editor
from approvals.selectors.standing import CallerStanding
from portal.identity.models import Person
from portal.identity.selectors.people import accounts_at
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


# The request and the parts in one statement: where the same question waits already, neither is written.
_REQUEST: Final = ApprovalRequest._meta.concrete_fields  # noqa: SLF001
# The others go to the driver as they are.
_ADAPTED: Final = frozenset(field for field in _REQUEST if isinstance(field, JSONField | IntegerField))
_INSERT: Final = f"""
WITH opened AS (
    INSERT INTO approvals_approvalrequest ({", ".join(f'"{field.column}"' for field in _REQUEST)})
    VALUES ({", ".join(["%s"] * len(_REQUEST))})
    ON CONFLICT (agent_id, digest) WHERE state = 'pending' DO NOTHING RETURNING id
)
INSERT INTO approvals_involvement (id, request_id, person_id, part, detail)
SELECT p.id, opened.id, p.person_id, p.part, p.detail
FROM opened, unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) AS p(id, person_id, part, detail)
"""  # noqa: S608


def save_with_parts(
    request: ApprovalRequest, asked: Stated, standing: CallerStanding, *, editors: Sequence[Editor], book: Book
) -> bool:
    """Save a new request, and a row for each part that somebody has in it; False when one for exactly this waits.

    Addresses nobody has stay words. Closed accounts are written as well: the person behind one may have another.
    """
    parts: Parts = {(standing.credential_issuer, Part.CREDENTIAL_HOLDER): ""}
    if request.initiator_id is not None:
        parts[request.initiator_id, Part.INITIATOR] = ""
    _add(parts, Part.INITIATOR, (asked.initiator,))
    _add(parts, Part.PROMPT_AUTHOR, (asked.prompt_author,))
    _add(parts, Part.CO_AUTHOR, asked.co_authors[:MOST_AUTHORS])
    parts |= _policy_editors(editors, since=standing.now - timedelta(days=book.duties.policy_editor_days))
    values = [getattr(request, field.attname) for field in _REQUEST]
    for place, field in enumerate(_REQUEST):
        if field in _ADAPTED:
            values[place] = field.get_db_prep_save(values[place], connection)
    people, kinds = zip(*parts, strict=True)
    rows = [[uuid7() for _ in parts], list(people), [kind.value for kind in kinds], list(parts.values())]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [*values, *rows])
        written = bool(cursor.rowcount)
    if written:
        request._state.adding, request._state.db = False, connection.alias  # noqa: SLF001  as save() leaves it
    return written


def add_part(request: ApprovalRequest, person: Person, part: Part, detail: str = "") -> None:
    """Write one part more; once is enough, so a second time is the same."""
    Involvement.objects.get_or_create(request=request, person=person, part=part.value, defaults={"detail": detail})


def _add(parts: Parts, part: Part, addresses: Iterable[str | None]) -> None:
    for person_id in accounts_at([address for address in addresses if address]):
        parts.setdefault((person_id, part), "")


def _policy_editors(editors: Iterable[Editor], *, since: datetime) -> Parts:
    """Who wrote a revision, of any level over the agent, within the days that the rulebook says; the newest is told."""
    found: Parts = {}
    for editor in editors:
        if editor.at > since:
            whose = "the agent" if editor.level == Level.AGENT.value else f"the {editor.level}"
            detail = f"revision {editor.number} of {whose}, {editor.at.astimezone(UTC):%Y-%m-%d}"
            found[editor.author_id, Part.POLICY_EDITOR] = detail
    return found
