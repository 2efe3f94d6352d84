"""Reading delegations: whose right somebody may use now, what it gives, and who is away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import Q, QuerySet

from approvals.models import Delegation
from approvals.rules.delegation import lent
from approvals.rules.duties import Account
from approvals.rules.eligibility import Borrowed
from approvals.selectors.rights import groups_held
from portal.errors import NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.reading import once


def account_of(person: Person) -> Account:
    return Account(person.pk, person.human, person.name)


@dataclass(frozen=True)
class StandIn:
    """A delegation that runs, seen from its receiver: whose right it is, and what is left of it now."""

    delegation: Delegation
    giver: Person
    made_by: Person

    @cached_property
    def authority(self) -> Authority:
        """The giver's, as it is now: the right ends with theirs."""
        return authority_of(self.giver)

    @cached_property
    def maker_authority(self) -> Authority:
        return authority_of(self.made_by)

    @property
    def by_giver(self) -> bool:
        return self.made_by.human == self.giver.human

    def groups(self, team_id: UUID) -> frozenset[str]:
        """The groups that the receiver may count for where this team owns the agent."""
        return lent(
            groups_held(self.authority, team_id),
            by_giver=self.by_giver,
            maker_manages=not self.by_giver and self.maker_authority.has(Role.MANAGER, team_id),
        )

    def teams(self) -> frozenset[UUID]:
        """The teams whose approver the receiver stands in for."""
        teams = {team for role, team in self.authority.roles if role is Role.APPROVER and team is not None}
        return frozenset(team for team in teams if "team" in self.groups(team))

    @property
    def borrowed(self) -> Borrowed:
        return Borrowed(account_of(self.giver), account_of(self.made_by))


def running(now: datetime) -> QuerySet[Delegation]:
    """The delegations that run, also those without a receiver."""
    return Delegation.objects.filter(starts_at__lte=now, ends_at__gt=now, ended_at=None)


@once
def held_by(person: Person, *, now: datetime, giver: Person | None = None) -> list[StandIn]:
    """The delegations that run and whose receiver this person is, those that the giver made first."""
    rows = running(now).filter(receiver=person).select_related("giver", "made_by")
    if giver is not None:
        rows = rows.filter(giver=giver)
    found = [StandIn(row, row.giver, row.made_by) for row in rows.order_by("giver__name", "id")]
    return sorted(found, key=lambda one: not one.by_giver)


def is_overseer(authority: Authority) -> bool:
    """Whether somebody only watches or administers, so that nobody's right is lent to them."""
    if authority.has(Role.AUDITOR):
        return True
    decides = authority.has(Role.SECURITY) or authority.holds_anywhere(Role.APPROVER)
    return authority.has(Role.OPERATOR) and not decides


def away_now(now: datetime) -> dict[UUID, tuple[UUID, ...]]:
    """Every account of everybody who is away, with whoever stands in for them."""
    standing_in: dict[UUID, tuple[UUID, ...]] = {}
    for human, receiver in running(now).order_by("id").values_list("giver__human", "receiver_id"):
        others = standing_in.get(human, ())
        standing_in[human] = others if receiver is None or receiver in others else (*others, receiver)
    accounts = Person.objects.filter(human__in=standing_in).values_list("pk", "human") if standing_in else ()
    return {account: standing_in[human] for account, human in accounts}


def beside(delegation: Delegation, *, now: datetime) -> Delegation | None:
    """What goes on when it ends: the longest of the absences that run and say the same."""
    same = running(now).filter(giver=delegation.giver_id, receiver=delegation.receiver_id).exclude(pk=delegation.pk)
    return same.order_by("-ends_at").first()


def also_away(delegations: Iterable[Delegation]) -> set[UUID]:
    """Those of the absences in whose time whoever stands in is away as well, by their ids."""
    rows = [(one, one.receiver.human) for one in delegations if one.receiver is not None]
    spans = Delegation.objects.filter(giver__human__in={human for _, human in rows}, ended_at=None)
    away = list(spans.values_list("giver__human", "starts_at", "ends_at"))
    return {
        one.pk
        for one, receiver in rows
        for human, start, end in away
        if human == receiver and start < one.ends_at and one.starts_at < end
    }


def visible_delegations(person: Person) -> QuerySet[Delegation]:
    """Those somebody gave or holds, those of the members of the teams they manage, and all for who sees all."""
    authority = authority_of(person)
    rows = Delegation.objects.select_related("giver", "receiver", "made_by", "ended_by")
    if authority.has(Role.SECURITY) or authority.has(Role.AUDITOR):
        return rows
    teams = teams_managed_by(person).values("pk")
    of_teams = Person.objects.filter(memberships__team__in=teams).values("pk")
    return rows.filter(Q(giver=person) | Q(receiver=person) | Q(giver__in=of_teams))


def delegation_for(person: Person, delegation_id: UUID) -> Delegation:
    found = visible_delegations(person).filter(pk=delegation_id).first()
    if found is None:
        raise NotFound("There is no such absence, or it is not yours to see.")
    return found


def shared_managed_teams(manager: Person, people: Iterable[Person]) -> QuerySet[Team]:
    """The teams that ``manager`` manages and all of the people are members of."""
    teams = teams_managed_by(manager)
    for person in people:
        teams = teams.filter(memberships__person=person)
    return teams
