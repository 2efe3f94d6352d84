"""Reading a grant that is about to be used, with everything that its verdicts rest on: one statement."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.duties import Part
from approvals.selectors.duties import ties_from
from approvals.selectors.reviewing import Scene
from approvals.selectors.rights import RoleRow, rights_from
from approvals.selectors.rulebook import book_of
from portal.identity.models import Person


def _columns(model: type[Model], names: str) -> tuple[str, ...]:
    """These columns in the model's order, in which ``from_db`` takes them."""
    wanted = names.split()
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname in wanted)  # noqa: SLF001


_GRANT: Final = _columns(
    Grant,
    "id request_id agent_id digest revision_id epoch state issued_at expires_at redeemed_at tool_use_id",
)
_REQUEST: Final = _columns(
    ApprovalRequest,
    "id number agent_id run_id arguments organisation_revision_id team_revision_id repository branch environment head "
    "initiator_id credential_issuer_id state stages opened_at expires_at",
)
_REVIEW: Final = _columns(Review, "id verdict turn stage capacity at person_id on_behalf_of_id")
_PERSON: Final = _columns(Person, "id human is_active")
_JSON: Final = frozenset({"arguments", "stages"})
# What ``Scene`` reads one by one, for the pages: who gave which verdict in whose right, who has a part, which roles
# they hold and from whom, which rulebook counts.
_SELECT = f"""SELECT clock_timestamp(), a.owner_team_id,
       (SELECT b.id FROM approvals_rulebook b ORDER BY b.number DESC LIMIT 1),
       (SELECT json_agg(json_build_array(v.id, v.verdict, v.turn, v.stage, v.capacity, v.at,
                                         p.id, p.human, p.is_active, d.id, d.human, d.is_active))
        FROM approvals_review v JOIN identity_person p ON p.id = v.person_id
        LEFT JOIN identity_person d ON d.id = v.on_behalf_of_id WHERE v.request_id = r.id)::text,
       (SELECT json_agg(json_build_array(p.id, p.human, p.name, i.part, i.detail))
        FROM (SELECT person_id, part, detail FROM approvals_involvement WHERE request_id = r.id
              UNION ALL SELECT r.initiator_id, '{Part.INITIATOR.value}', ''
              UNION ALL SELECT r.credential_issuer_id, '{Part.CREDENTIAL_HOLDER.value}', '') i
        JOIN identity_person p ON p.id = i.person_id)::text,
       (SELECT json_agg(json_build_array(h.person_id, h.role, h.team_id, h.since, b.human))
        FROM identity_roleassignment h JOIN identity_person w ON w.id = h.person_id AND w.is_active
        LEFT JOIN identity_person b ON b.id = h.given_by_id
        WHERE h.role IN ('security', 'approver') AND h.person_id IN (
            SELECT unnest(ARRAY[v.person_id, v.on_behalf_of_id]) FROM approvals_review v
            WHERE v.request_id = r.id))::text,
       {", ".join(f"g.{name}" for name in _GRANT)},
       {", ".join(f"r.{name}" for name in _REQUEST)}
FROM approvals_grant g
JOIN approvals_approvalrequest r ON r.id = g.request_id
JOIN registry_agent a ON a.id = r.agent_id
WHERE g.id = %s
"""  # noqa: S608
_HEAD: Final = 6


def grant_with_scene(grant_id: UUID, cursor: CursorWrapper) -> tuple[Grant, Scene]:
    """The grant with its request, and the scene in which its verdicts are counted, as of now."""
    cursor.execute(_SELECT, [grant_id])
    row = cursor.fetchone()
    now, team_id, book_id, reviews, parts, roles = row[:_HEAD]
    grant = _made(Grant, _GRANT, _read(_GRANT, row[_HEAD : _HEAD + len(_GRANT)]))
    request = _made(ApprovalRequest, _REQUEST, _read(_REQUEST, row[_HEAD + len(_GRANT) :]))
    grant.request = request
    scene = Scene(request, now)
    people: dict[UUID, Person] = {}
    scene.team_id = team_id
    scene.reviews = sorted(
        (_review(one, people) for one in _list(reviews)), key=lambda review: (review.at, review.turn, review.pk)
    )
    scene.ties = ties_from(
        (UUID(person), UUID(human), name, Part(part), detail) for person, human, name, part, detail in _list(parts)
    )
    active = [person.pk for person in people.values() if person.is_active]
    book = book_of(book_id).book
    scene.lately = timedelta(days=book.duties.policy_editor_days)
    scene.voters = rights_from(_roles(_list(roles)), active, book)
    return grant, scene


def _list(text: str | None) -> list[list[Any]]:
    found: list[list[Any]] = [] if text is None else orjson.loads(text)
    return found


def _made(model: Any, columns: tuple[str, ...], values: Mapping[str, Any]) -> Any:
    """A row of the model with these columns; any other is read when it is asked for."""
    return model.from_db(DEFAULT_DB_ALIAS, columns, [values[name] for name in columns])


def _read(columns: tuple[str, ...], row: Iterable[Any]) -> dict[str, Any]:
    return {name: orjson.loads(value) if name in _JSON else value for name, value in zip(columns, row, strict=True)}


def _review(row: list[Any], people: dict[UUID, Person]) -> Review:
    key, verdict, turn, stage, capacity, at, *accounts = row
    person, giver = _person(accounts[:3], people), _person(accounts[3:], people)
    values = {"id": UUID(key), "verdict": verdict, "turn": turn, "stage": stage, "capacity": capacity}
    values |= {"at": datetime.fromisoformat(at), "person_id": accounts[0], "on_behalf_of_id": giver and giver.pk}
    review: Review = _made(Review, _REVIEW, values)
    if person is not None:
        review.person = person
    review.on_behalf_of = giver
    return review


def _person(account: list[Any], people: dict[UUID, Person]) -> Person | None:
    key, human, is_active = account
    if key is None:
        return None
    pk = UUID(key)
    if pk not in people:
        people[pk] = _made(Person, _PERSON, {"id": pk, "human": UUID(human), "is_active": is_active})
    return people[pk]


def _roles(rows: Iterable[list[Any]]) -> Iterable[RoleRow]:
    for person, role, team, since, by in rows:
        yield (
            UUID(person),
            role,
            None if team is None else UUID(team),
            None if since is None else datetime.fromisoformat(since),
            None if by is None else UUID(by),
        )
