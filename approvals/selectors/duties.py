"""Reading who has a part in a request: what was written when it was opened, as the accounts are linked now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from approvals.models import ApprovalRequest, Involvement
from approvals.rules.duties import Account, Part, Tie, Ties, did
from portal.identity.models import Person

# In which order somebody's parts are told.
_ORDER: Final = tuple(Part)


def ties_of(request: ApprovalRequest) -> Ties:
    """Everybody who has a part in the request: two queries.

    Initiator and issuer stand on the request's own row as well, and count from there too.
    """
    return ties_of_many([request])[request.pk]


def ties_of_many(requests: Sequence[ApprovalRequest]) -> dict[UUID, Ties]:
    """The same of several requests, in as many queries as for one."""
    parts: dict[UUID, dict[tuple[UUID, Part], str]] = {request.pk: {} for request in requests}
    rows = Involvement.objects.filter(request__in=[request.pk for request in requests])
    for request_id, person_id, part, detail in rows.values_list("request_id", "person_id", "part", "detail"):
        parts[request_id][person_id, Part(part)] = detail
    for request in requests:
        if request.initiator_id is not None:
            parts[request.pk].setdefault((request.initiator_id, Part.INITIATOR), "")
        parts[request.pk].setdefault((request.credential_issuer_id, Part.CREDENTIAL_HOLDER), "")
    people = Person.objects.in_bulk({person_id for known in parts.values() for person_id, _ in known})
    return {key: _ties(known, people) for key, known in parts.items()}


def _ties(parts: Mapping[tuple[UUID, Part], str], people: Mapping[UUID, Person]) -> Ties:
    return ties_from(
        (person_id, people[person_id].human, people[person_id].name, part, detail)
        for (person_id, part), detail in parts.items()
    )


def ties_from(rows: Iterable[tuple[UUID, UUID, str, Part, str]]) -> Ties:
    """The ties that these rows tell (account, natural person, name, part, detail); of two alike the first counts."""
    found: dict[tuple[UUID, Part], Tie] = {}
    for person_id, human, name, part, detail in rows:
        found.setdefault((person_id, part), Tie(Account(person_id, human, name), part, detail))
    return Ties(tuple(sorted(found.values(), key=lambda tie: (_ORDER.index(tie.part), tie.who.name))))


@dataclass(frozen=True)
class Duty:
    """Somebody who has a part in a request: which parts, told as sentences, and their other accounts, by name."""

    person: Person
    parts: tuple[Part, ...]
    sentences: tuple[str, ...]
    accounts: tuple[str, ...] = ()


def duties_of(request: ApprovalRequest) -> list[Duty]:
    """Everybody who has a part in the request, by name; none of them, nor any account of theirs, decides it."""
    ties = ties_of(request)
    people = Person.objects.filter(human__in=ties.humans).order_by("name", "email")
    by_id = {person.pk: person for person in people}
    found = []
    for person in people:
        own = [tie for tie in ties.parts if tie.who.person == person.pk]
        if own:
            others = [one.name for one in by_id.values() if one.human == person.human and one.pk != person.pk]
            sentences = [f"{person.name} {did(tie)}." for tie in own]
            if others:
                sentences.append(f"{person.name} is the same person as {' and '.join(others)}.")
            found.append(Duty(person, tuple(tie.part for tie in own), tuple(sentences), tuple(others)))
    return found


def accounts_of(person: Person) -> tuple[UUID, ...]:
    """The ids of every account of the natural person behind this one."""
    return tuple(Person.objects.filter(human=person.human).values_list("pk", flat=True))
