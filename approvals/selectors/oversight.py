"""Reading how people decide: by team for who answers for it, by person only for security and the person themselves.

Canaries are counted apart: they are in no count of business.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from approvals.models import ApprovalRequest, Canary, Grant, Review
from approvals.rules.canary import CanaryOutcome
from approvals.rules.oversight import HIGH_RATE_PERCENT, OVER_DECISIONS, Came, Caught, Findings, Looked
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState, Verdict
from approvals.selectors.rulebook import book_in_force
from portal.errors import InvalidInput
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.models import Entry
from registry.models import Agent
from registry.selectors.agents import SEES_ALL

COOLED = "approvals.agent.cooled_down"
PERIODS = (7, 30, 90)


@dataclass(frozen=True)
class Period:
    """The last days up to ``end``."""

    days: int
    end: datetime

    def __post_init__(self) -> None:
        if self.days not in PERIODS:
            raise InvalidInput(f"The period is the last {', '.join(map(str, PERIODS))} days.")

    @property
    def start(self) -> datetime:
        return self.end - timedelta(days=self.days)

    @property
    def span(self) -> tuple[datetime, datetime]:
        return self.start, self.end


@dataclass(frozen=True)
class TeamRow:
    team: Team
    findings: Findings


@dataclass(frozen=True)
class PersonRow:
    person: Person
    findings: Findings


class _Median(Aggregate):
    function = "percentile_cont"
    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def teams_overseen(person: Person) -> QuerySet[Team]:
    """The teams whose deciding a person may look at: their own as a manager, all for security and auditors."""
    authority = authority_of(person)
    if any(authority.has(role) for role in SEES_ALL):
        return Team.objects.order_by("name")
    held = authority.roles if authority.active else ()
    managed = [team for role, team in held if role is Role.MANAGER and team is not None]
    return Team.objects.filter(pk__in=managed).order_by("name")


def sees_people(person: Person) -> bool:
    """Only security sees who it is: the rest see teams, and themselves."""
    return authority_of(person).has(Role.SECURITY)


def oversight_for(person: Person, period: Period) -> list[TeamRow]:
    """How each team that the person oversees decides, by name; teams of which nothing is known are left out."""
    teams = list(teams_overseen(person))
    keys = [team.pk for team in teams]
    found: dict[str, dict[UUID, Any]] = {
        "looked": _looked(period, "request__agent__owner_team", keys),
        "canaries": _canaries(period, keys),
        "came": _came(period, keys),
        "expired": _expired(period, keys),
        "cool_downs": _cool_downs(period, keys),
        "never_say_no": _never_say_no(period, keys),
    }
    rows = [(team, {name: by[team.pk] for name, by in found.items() if team.pk in by}) for team in teams]
    return [TeamRow(team, Findings(**facts)) for team, facts in rows if facts]


def people_for(person: Person, period: Period) -> list[PersonRow]:
    """How each person decides, for security; for everybody else their own row, if they decided anything."""
    own = None if sees_people(person) else [person.pk]
    looked, canaries = _looked(period, "person", own), _canaries_of_people(period, own)
    people = Person.objects.in_bulk(looked.keys() | canaries.keys())
    rows = [
        PersonRow(one, Findings(looked=looked.get(key, Looked()), canaries=canaries.get(key, Caught())))
        for key, one in people.items()
    ]
    return sorted(rows, key=lambda row: row.person.name)


def _standing(period: Period, *, canary: bool) -> QuerySet[Review]:
    """The verdict that each person was left with on each request: their last, unless they took it back."""
    later = Review.objects.filter(request=OuterRef("request"), human=OuterRef("human"), turn__gt=OuterRef("turn"))
    found = Review.objects.filter(at__range=period.span, request__canary=canary).exclude(verdict=Verdict.RETRACT.value)
    return found.filter(~Exists(later)).order_by()


def _looked(period: Period, by: str, keys: list[UUID] | None) -> dict[UUID, Looked]:
    quick = book_in_force().book.fatigue.quick_seconds
    approved, seen = Q(verdict=Verdict.APPROVE.value), Coalesce("visible_seconds", "shown_seconds")
    waited = ExpressionWrapper(F("at") - F("request__opened_at"), output_field=DurationField())
    rows = (
        _within(_standing(period, canary=False), by, keys)
        .annotate(seen=seen)
        .values(key=F(by))
        .annotate(
            decisions=Count("pk"),
            approved=Count("pk", filter=approved),
            denied=Count("pk", filter=Q(verdict=Verdict.DENY.value)),
            returned=Count("pk", filter=Q(verdict=Verdict.CHANGES.value)),
            measured=Count("pk", filter=approved & Q(seen__isnull=False)),
            quick=Count("pk", filter=approved & Q(seen__lt=quick)),
            folds_known=Count("pk", filter=approved & Q(unfolded__isnull=False)),
            unexpanded=Count("pk", filter=approved & Q(unfolded=False)),
            median=_Median(waited),
        )
    )
    return _keyed(rows, Looked)


def _never_say_no(period: Period, keys: list[UUID]) -> dict[UUID, int]:
    """How many people of those who decide for a team approve nearly everything: a number, not their names."""
    team = "request__agent__owner_team"
    people = (
        _within(_standing(period, canary=False), team, keys)
        .values(team, "person")
        .annotate(n=Count("pk"), yes=Count("pk", filter=Q(verdict=Verdict.APPROVE.value)))
    )
    found: dict[UUID, int] = {}
    for row in people:
        if row["n"] >= OVER_DECISIONS and row["yes"] * 100 > HIGH_RATE_PERCENT * row["n"]:
            found[row[team]] = found.get(row[team], 0) + 1
    return found


def _canaries(period: Period, keys: list[UUID]) -> dict[UUID, Caught]:
    team = "request__agent__owner_team"
    rows = (
        Canary.objects.filter(settled_at__range=period.span, **{f"{team}__in": keys})
        .order_by()
        .values(key=F(team))
        .annotate(**{one.value: Count("pk", filter=Q(outcome=one.value)) for one in CanaryOutcome})
    )
    return _keyed(rows, Caught)


def _canaries_of_people(period: Period, own: list[UUID] | None) -> dict[UUID, Caught]:
    approved = Q(verdict=Verdict.APPROVE.value)
    rows = (
        _within(_standing(period, canary=True), "person", own)
        .values(key=F("person"))
        .annotate(caught=Count("pk", filter=~approved), missed=Count("pk", filter=approved))
    )
    return _keyed(rows, Caught)


def _came(period: Period, keys: list[UUID]) -> dict[UUID, Came]:
    team = "agent__owner_team"
    rows = (
        Grant.objects.filter(redeemed_at__range=period.span, state=GrantState.REDEEMED.value, **{f"{team}__in": keys})
        .order_by()
        .values(key=F(team))
        .annotate(
            redeemed=Count("pk"),
            **{one.value: Count("pk", filter=Q(outcome=one.value)) for one in GrantOutcome},
        )
    )
    return _keyed(rows, Came)


def _expired(period: Period, keys: list[UUID]) -> dict[UUID, int]:
    team = "agent__owner_team"
    rows = (
        ApprovalRequest.objects.filter(
            canary=False, state=RequestState.EXPIRED.value, resolved_at__range=period.span, **{f"{team}__in": keys}
        )
        .order_by()
        .values_list(team)
        .annotate(Count("pk"))
    )
    return dict(rows)


def _cool_downs(period: Period, keys: list[UUID]) -> dict[UUID, int]:
    agents = dict(Agent.objects.filter(owner_team__in=keys).values_list("pk", "owner_team_id"))
    found: dict[UUID, int] = {}
    entries = Entry.objects.filter(type=COOLED, recorded_at__range=period.span, agent_id__in=agents)
    for agent in entries.values_list("agent_id", flat=True):
        if agent is not None:
            found[agents[agent]] = found.get(agents[agent], 0) + 1
    return found


def _within(reviews: QuerySet[Review], by: str, keys: list[UUID] | None) -> QuerySet[Review]:
    return reviews if keys is None else reviews.filter(**{f"{by}__in": keys})


def _keyed(rows: Any, kind: Any) -> dict[UUID, Any]:
    return {row["key"]: kind(**{name: row[name] for name in row if name not in ("key", "seen")}) for row in rows}


def quick_seconds() -> int:
    """Less than this on view counts as quick, as the rulebook in force says."""
    return book_in_force().book.fatigue.quick_seconds
