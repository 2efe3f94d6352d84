"""Reading who is told next when nobody decides a request, in which order, and which requests are due for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet, Value
from django.db.models.functions import Extract, Power

from approvals.models import ApprovalRequest
from approvals.rules.escalation import MOST_STEPS, TOO_LATE
from approvals.rules.rulebook_parts import SECURITY, TEAM
from approvals.selectors.delegations import away_now
from approvals.selectors.requests import standing_pending
from approvals.selectors.reviewing import refusal, scene_of
from approvals.selectors.rulebook import book_in_force, members_of
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of


@dataclass(frozen=True)
class OnCall:
    """Somebody to tell; ``instead_of`` is who is away and for whom they decide."""

    person: Person
    instead_of: Person | None = None


def on_call(request: ApprovalRequest) -> list[OnCall]:
    """Who is told, one after the other: the open stage's groups in their order, then who answers, then security.

    The owner team's approvers come by name, then the agent's deputy and accountable person, who find somebody.
    Whoever is away is left out, or stood in for; so is who has a part in the request or has decided it.
    """
    scene = scene_of(request)
    away = away_now(scene.now)
    gone = scene.ties.humans | scene.facts.voted
    found: dict[UUID, OnCall] = {}
    for person in _order(request, scene.stages[scene.settled.stage].groups):
        one = _present(request, person, away)
        if one is not None and one.person.human not in gone and (one.instead_of or one.person).human not in gone:
            found.setdefault(one.person.human, one)
    return list(found.values())


def _order(request: ApprovalRequest, groups: tuple[str, ...]) -> Iterator[Person]:
    team, book = request.agent.owner_team, book_in_force().book
    named = [group for group in groups if group not in {TEAM, SECURITY}]
    for group in [*named, *(group for group in groups if group == TEAM)]:
        yield from members_of(group, team, book)
    for person in (request.agent.deputy, request.agent.accountable_person):
        if person is not None and person.is_active:
            yield person
    yield from members_of(SECURITY, team, book)


def _present(request: ApprovalRequest, person: Person, away: dict[UUID, tuple[UUID, ...]]) -> OnCall | None:
    """The person, or the first who stands in and may decide in their right; None when nobody is there."""
    if person.pk not in away:
        return OnCall(person)
    receivers = Person.objects.filter(is_active=True).in_bulk(away[person.pk])
    for receiver in (receivers[key] for key in away[person.pk] if key in receivers and key not in away):
        if refusal(request, receiver, authority_of(receiver), on_behalf_of=person) is None:
            return OnCall(receiver, person)
    return None


def due_for_escalation(now: datetime, *, after_percent: int) -> QuerySet[ApprovalRequest]:
    """The requests that can still be decided and for which the next one is to be told, the least time left first."""
    left = Extract(ExpressionWrapper(F("expires_at") - Value(now), output_field=DurationField()), "epoch")
    whole = Extract(ExpressionWrapper(F("expires_at") - F("opened_at"), output_field=DurationField()), "epoch")
    waiting = ApprovalRequest.objects.filter(
        standing_pending(now), escalations__lt=MOST_STEPS, expires_at__gt=now + TOO_LATE
    )
    # The same as approvals.rules.escalation.due_at, without a division: what is left, times the halvings so far.
    due = waiting.annotate(left=left * Power(Value(2.0), F("escalations")), whole=whole)
    return due.filter(left__lte=F("whole") * (100 - after_percent) / 100.0).order_by("expires_at")
