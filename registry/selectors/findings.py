"""What needs somebody: recorded findings that are open, and what the rows themselves show to be wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Membership, Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Finding
from registry.rules.lifecycle import AgentState
from registry.rules.noticed import MILD, WORDS, NoticedKind, urgency
from registry.selectors.agents import visible_agents, visible_teams
from registry.selectors.documents import running_out
from registry.selectors.drills import overdue
from registry.selectors.recertification import Reminder, warnings_about, warnings_for

_LIVE = (AgentState.ACTIVE.value, AgentState.SUSPENDED.value)


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """One thing that needs somebody. ``finding`` is set for a recorded one, which a person closes."""

    kind: NoticedKind
    sentence: str
    agent: Agent | None = None
    team: Team | None = None
    since: datetime | None = None
    finding: Finding | None = None
    campaign: int | None = None

    @property
    def word(self) -> str:
        return WORDS[self.kind]

    @property
    def mild(self) -> bool:
        return self.kind in MILD


@dataclass(frozen=True, kw_only=True)
class FindingSearch:
    """What the list of findings is narrowed to; empty means any."""

    kind: str = ""
    team: str = ""
    agent: str = ""


def findings_about(agent: Agent) -> list[Noticed]:
    """What is open about one agent, the gravest first."""
    today = database_now().date()
    one = Agent.objects.filter(pk=agent.pk)
    found = [
        *_recorded(Finding.objects.filter(agent=agent)),
        *_shown(one, Team.objects.filter(pk=agent.owner_team_id), today),
        *_campaigns(warnings_about(agent, today) if agent.state in _LIVE else []),
    ]
    return _sorted(found)


def findings_of_team(team: Team) -> list[Noticed]:
    """What is open about a team and its agents; campaigns stand on its page by themselves."""
    today = database_now().date()
    recorded = Finding.objects.filter(Q(agent__owner_team=team) | Q(agent=None, team=team))
    agents = Agent.objects.filter(owner_team=team)
    return _sorted([*_recorded(recorded), *_shown(agents, Team.objects.filter(pk=team.pk), today)])


def findings_for(person: Person) -> list[Noticed]:
    """What is open of all that the person may see, the gravest first."""
    today = database_now().date()
    agents, teams = visible_agents(person), visible_teams(person)
    found = [
        *_recorded(_within(agents, teams) if person.is_active else Finding.objects.none()),
        *_shown(agents, teams, today),
        *_campaigns(warnings_for(person, today)),
    ]
    return _sorted(found)


def findings_waiting_for(person: Person) -> list[Noticed]:
    """What is open and the person's to see to: of teams they manage and agents they answer for; all for security."""
    authority, found = authority_of(person), findings_for(person)
    if authority.has(Role.SECURITY):
        return found
    managed = {team for role, team in authority.roles if role is Role.MANAGER}
    return [
        one
        for one in found
        if _team_id(one) in managed or (one.agent and person.pk in _answering(one.agent)) or one.campaign
    ]


def matching(found: Iterable[Noticed], search: FindingSearch) -> list[Noticed]:
    """The ones that the list is narrowed to."""
    return [
        one
        for one in found
        if search.kind in ("", one.kind.value)
        and search.agent in ("", one.agent.slug if one.agent else None)
        and search.team in ("", _team_slug(one))
    ]


def visible_findings(person: Person) -> QuerySet[Finding]:
    """The recorded findings, open and closed, of agents and teams that the person may see."""
    found = Finding.objects.select_related("agent", "agent__owner_team", "team", "order", "closed_by", "caused_by")
    if not person.is_active:
        return found.none()
    return found.filter(pk__in=_within(visible_agents(person), visible_teams(person)).order_by().values("pk"))


def _within(agents: QuerySet[Agent], teams: QuerySet[Team]) -> QuerySet[Finding]:
    return Finding.objects.filter(
        Q(agent__in=agents.order_by().values("pk")) | Q(agent=None, team__in=teams.order_by().values("pk"))
    )


def finding_for(person: Person, finding_id: UUID) -> Finding:
    """A recorded finding; NotFound when it is about what the person may not see."""
    found = visible_findings(person).filter(pk=finding_id).first()
    if found is None:
        raise NotFound("There is no such finding, or it is not yours to see.")
    return found


def _recorded(findings: QuerySet[Finding]) -> Iterator[Noticed]:
    related = findings.filter(closed_at=None).select_related("agent", "agent__owner_team", "team", "order")
    for one in related.order_by("-noticed_at"):
        yield Noticed(
            kind=NoticedKind(one.kind),
            sentence=one.sentence,
            agent=one.agent,
            team=one.team,
            since=one.noticed_at,
            finding=one,
        )


def _shown(agents: QuerySet[Agent], teams: QuerySet[Team], today: date) -> Iterator[Noticed]:
    """What the rows show by themselves: four queries, however many agents there are."""
    live = Agent.objects.filter(pk__in=agents.order_by().values("pk"), state__in=_LIVE)
    live = live.select_related("owner_team", "accountable_person", "deputy")
    members = Membership.objects.filter(person__is_active=True)
    empty = Team.objects.filter(
        ~Exists(members.filter(team=OuterRef("pk"))),
        Exists(Agent.objects.filter(owner_team=OuterRef("pk"), state__in=_LIVE)),
        pk__in=teams.order_by().values("pk"),
    )
    for team in empty.order_by("name"):
        sentence = f"{team.name} owns agents and has no active member, so nobody can change or stop them but security."
        yield Noticed(kind=NoticedKind.TEAM_EMPTY, sentence=sentence, team=team)
    yield from _left(live, members)
    for standing in overdue(live):
        sentence = f"{standing.sentence} It was due on {standing.due:%-d %B %Y}."
        yield Noticed(
            kind=NoticedKind.DRILL_OVERDUE, sentence=sentence, agent=standing.agent, team=standing.agent.owner_team
        )
    for paper in running_out(live.order_by().values("pk"), today=today):
        expired = paper.expires_on is not None and paper.expires_on < today
        yield Noticed(
            kind=NoticedKind.DOCUMENT_EXPIRED if expired else NoticedKind.DOCUMENT_EXPIRING,
            sentence=f"{paper.name} of {paper.agent.name} {'expired' if expired else 'expires'} "
            f"on {paper.expires_on:%-d %B %Y}. Attach a newer version.",
            agent=paper.agent,
            team=paper.agent.owner_team,
        )


def _left(live: QuerySet[Agent], members: QuerySet[Membership]) -> Iterator[Noticed]:
    here = {
        role: Exists(members.filter(person=OuterRef(role), team=OuterRef("owner_team")))
        for role in ("accountable_person", "deputy")
    }
    gone = live.annotate(accountable_here=here["accountable_person"], deputy_here=here["deputy"])
    gone = gone.filter(Q(accountable_here=False) | Q(deputy_here=False, deputy__isnull=False))
    for agent in gone.order_by("name"):
        if not agent.accountable_here:
            yield _gone(agent, agent.accountable_person, NoticedKind.ACCOUNTABLE_LEFT, "answers for")
        if agent.deputy is not None and not agent.deputy_here:
            yield _gone(agent, agent.deputy, NoticedKind.DEPUTY_LEFT, "is deputy for")


def _gone(agent: Agent, person: Person | None, kind: NoticedKind, does: str) -> Noticed:
    why = "is not in its team any more" if person and person.is_active else "has a closed account"
    sentence = f"{person.name if person else 'Nobody'} {does} {agent.name} and {why}. Name somebody else."
    return Noticed(kind=kind, sentence=sentence, agent=agent, team=agent.owner_team)


def _campaigns(reminders: Iterable[Reminder]) -> Iterator[Noticed]:
    for one in reminders:
        if not (one.missed or one.soon):
            continue
        entries = "1 entry" if one.left == 1 else f"{one.left} entries"
        yield Noticed(
            kind=NoticedKind.RECERTIFICATION_MISSED if one.missed else NoticedKind.RECERTIFICATION_DUE,
            sentence=f"Recertification {one.campaign.number} of {one.campaign.team.name} "
            f"{'was' if one.missed else 'is'} due on {one.campaign.due_on:%-d %B %Y} with {entries} undecided.",
            team=one.campaign.team,
            campaign=one.campaign.number,
        )


def _sorted(found: list[Noticed]) -> list[Noticed]:
    # Stable: within a kind they stay newest first, or by name.
    return sorted(found, key=lambda one: urgency(one.kind))


def _team_id(one: Noticed) -> UUID | None:
    return one.agent.owner_team_id if one.agent else one.team.pk if one.team else None


def _team_slug(one: Noticed) -> str | None:
    team = one.agent.owner_team if one.agent else one.team
    return team.slug if team else None


def _answering(agent: Agent) -> tuple[UUID | None, UUID | None]:
    return agent.accountable_person_id, agent.deputy_id
