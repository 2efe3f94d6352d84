"""The rule of eligibility as a query: which of many requests somebody may decide, and which ask them at all.

What one person holds is a small set and read first; the rows are then compared with it. It agrees with
``approvals.selectors.reviewing`` for every person and request, which a test holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from approvals.models import ApprovalRequest, Involvement, Review
from approvals.rules.rulebook_parts import SECURITY, TEAM
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.delegations import StandIn, held_by, is_overseer
from approvals.selectors.duties import accounts_of
from approvals.selectors.reviewing_many import open_stages
from approvals.selectors.rights import groups_of, lately_given
from approvals.selectors.rulebook import book_in_force
from approvals.selectors.world import whether
from portal.identity.models import Person
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from registry.models import Agent

NOBODY: Final = Q(pk__in=[])


@dataclass(frozen=True)
class Right:
    """What somebody may decide: as approver of some teams, as security, in groups of the rulebook."""

    teams: frozenset[UUID]
    everywhere: frozenset[str]  # keys of groups that do not depend on the team

    @property
    def is_nothing(self) -> bool:
        return not self.teams and not self.everywhere

    def asked_in(self, stage: int) -> Q:
        """The requests that ask for this right in their stage with this index."""
        found = NOBODY
        if self.teams:
            found |= Q(agent__in=_of(self.teams)) & _names(stage, TEAM)
        for key in sorted(self.everywhere):
            found |= _names(stage, key)
        return found

    def asked_anywhere(self) -> Q:
        """The requests that ask for it in any stage."""
        found = Q(agent__owner_team__in=self.teams) if self.teams else NOBODY
        for key in sorted(self.everywhere):
            found |= Q(stages__contains=[{"groups": [key]}])
        return found


def _of(teams: Iterable[UUID]) -> QuerySet[Agent, Any]:
    """The agents of these teams. Asked beside the row: joined to it, each row would be looked at to find which are."""
    return Agent.objects.filter(owner_team__in=teams).order_by().values("pk")


def own_right(authority: Authority) -> Right:
    if not authority.active:
        return Right(frozenset(), frozenset())
    teams = {team for role, team in authority.roles if role is Role.APPROVER and team is not None}
    everywhere = groups_of(authority.person_id) | ({SECURITY} if authority.has(Role.SECURITY) else set())
    return Right(frozenset(teams), everywhere)


def lent_right(lent: StandIn) -> Right:
    """What is left of the giver's right for whoever stands in."""
    own = own_right(lent.authority)
    return own if lent.by_giver else Right(lent.teams(), frozenset())


def asked_of(person: Person) -> Q:
    """The requests that ask this person, or somebody for whom they stand in now, whatever their state.

    Those of teams they are members of are not told apart here: they see all that is these teams'.
    """
    if not person.is_active:
        return NOBODY
    authority = authority_of(person)
    own = own_right(authority)
    found = Right(own.teams - authority.teams, own.everywhere - {SECURITY}).asked_anywhere()
    for lent in held_by(person, now=database_now()):
        found |= lent_right(lent).asked_anywhere()
    return found


def mine(person: Person) -> Q:
    """The requests that this very person may decide, of those that stand: in their own right or in somebody else's."""
    if not person.is_active:
        return NOBODY
    authority, now = authority_of(person), database_now()
    own = own_right(authority)
    lent = [] if is_overseer(authority) else _useful(held_by(person, now=now), person)
    if own.is_nothing and not lent:
        return NOBODY
    later = _later(now)
    accounts = Person.objects.filter(human=person.human).order_by().values("pk")
    right = _own(own, person, later, now)
    for one in lent:
        right |= _open_to(lent_right(one), later) & _lendable(one)
    return Q(whether(right & _without_part(accounts) & Q(~Exists(_standing(person_id__in=accounts)))))


def _own(own: Right, person: Person, later: dict[int, list[UUID]], now: datetime) -> Q:
    """What their own right opens; a role that somebody gave them lately, only where the giver has no part."""
    found, rest = NOBODY, own
    days = book_in_force().book.duties.policy_editor_days
    for role in lately_given(person.pk, since=now - timedelta(days=days)):
        part = Right(frozenset([role.team_id] if role.team_id else []), frozenset([] if role.team_id else [SECURITY]))
        rest = Right(rest.teams - part.teams, rest.everywhere - part.everywhere)
        if role.given_by is not None:
            found |= _open_to(part, later) & _without_part(accounts_of(role.given_by))
    return found if rest.is_nothing else found | _open_to(rest, later)


def _useful(lent: Iterable[StandIn], person: Person) -> list[StandIn]:
    return [one for one in lent if one.giver.human != person.human and not lent_right(one).is_nothing]


def _lendable(lent: StandIn) -> Q:
    """Where the giver has no part and has not decided, nobody has used this right, and who arranged it has no part."""
    accounts = accounts_of(lent.giver)
    tied = accounts if lent.by_giver else accounts + accounts_of(lent.made_by)
    return (
        _without_part(tied)
        & Q(~Exists(_standing(person_id__in=accounts)))
        & Q(~Exists(_standing(on_behalf_of_id__in=accounts)))
    )


def _without_part(accounts: Sequence[UUID] | QuerySet[Person, Any]) -> Q:
    parts = Involvement.objects.filter(request=OuterRef("pk"), person_id__in=accounts)
    return ~Q(initiator_id__in=accounts) & ~Q(credential_issuer_id__in=accounts) & Q(~Exists(parts))


def _standing(**whose: Any) -> Any:
    """Verdicts that were not taken back: the last of their person."""
    newer = Review.objects.filter(
        request=OuterRef("request"), person__human=OuterRef("person__human"), turn__gt=OuterRef("turn")
    )
    given = Review.objects.filter(request=OuterRef("pk"), **whose).exclude(verdict=Verdict.RETRACT.value)
    return given.filter(~Exists(newer))


def _open_to(right: Right, later: dict[int, list[UUID]]) -> Q:
    """The requests whose open stage asks for this right. Nearly all are in their first."""
    past_first = [pk for keys in later.values() for pk in keys]
    found = right.asked_in(0) & ~Q(pk__in=past_first) if past_first else right.asked_in(0)
    for stage, keys in later.items():
        found |= Q(pk__in=keys) & right.asked_in(stage)
    return found


def _later(now: datetime) -> dict[int, list[UUID]]:
    """The pending requests that have left their first stage, by the stage that is open: those with some approval.

    Which stage is open depends on whose approvals still count, which is no question for SQL; there are few of these.
    """
    approved = Review.objects.filter(request=OuterRef("pk"), verdict=Verdict.APPROVE.value)
    some = ApprovalRequest.objects.filter(
        Exists(approved), state=RequestState.PENDING.value, expires_at__gt=now, quorum__gt=1
    )
    # Mostly there are none; putting the query of all that a stage rests on together takes longer than asking that.
    keys = list(some.order_by().values_list("pk", flat=True))
    found: dict[int, list[UUID]] = {}
    for pk, stage in (open_stages(ApprovalRequest.objects.filter(pk__in=keys)) if keys else {}).items():
        if stage:
            found.setdefault(stage, []).append(pk)
    return found


def _names(stage: int, key: str) -> Q:
    return Q(**{f"stages__{stage:d}__groups__contains": [key]})
