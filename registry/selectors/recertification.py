"""Reading campaigns: who may see them, what each entry's standing is, and what is late."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import QuerySet

from portal.errors import NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from registry.models import Agent, Campaign, CampaignItem, CampaignState
from registry.rules.lifecycle import AgentState
from registry.rules.recertification import (
    Granted,
    Progress,
    Standing,
    entries_of,
    progress_of,
    standing_of,
    word_of,
)
from registry.selectors.agents import may_manage, visible_teams

SOON = timedelta(days=7)
UNDECIDED_IN = (CampaignState.OPEN.value, CampaignState.MISSED.value)


@dataclass(frozen=True, kw_only=True)
class ItemRow:
    """One entry of a campaign, with what it is now."""

    item: CampaignItem
    standing: Standing

    @property
    def word(self) -> str:
        return word_of(self.item.pointer)

    @property
    def is_open(self) -> bool:
        return self.standing is Standing.OPEN


@dataclass(frozen=True, kw_only=True)
class AgentRows:
    """One agent's entries in a campaign."""

    agent: Agent
    rows: list[ItemRow]
    may_decide: bool

    @property
    def left(self) -> int:
        return sum(row.is_open for row in self.rows)


def visible_campaigns(person: Person) -> QuerySet[Campaign]:
    """The campaigns of the teams whose agents the person may see, newest first."""
    found = Campaign.objects.select_related("team", "opened_by").order_by("-number")
    return found.filter(team__in=visible_teams(person).order_by()) if person.is_active else found.none()


def campaign_for(person: Person, number: int) -> Campaign:
    """The campaign by its number; NotFound when its team is not the person's to see."""
    found = visible_campaigns(person).filter(number=number).first()
    if found is None:
        raise NotFound("There is no such recertification, or it is not yours to see.")
    return found


def may_open(authority: Authority, team_id: UUID) -> bool:
    """A team's managers look at their own agents again; security may ask any team to."""
    return authority.has(Role.MANAGER, team_id) or authority.has(Role.SECURITY)


def teams_to_open_for(person: Person) -> QuerySet[Team]:
    if authority_of(person).has(Role.SECURITY):
        return Team.objects.order_by("name")
    return teams_managed_by(person)


def items_of(campaign: Campaign) -> list[ItemRow]:
    """Every entry of the campaign with its standing, by agent."""
    items = (
        CampaignItem.objects.filter(campaign=campaign)
        .select_related("agent__revision", "agent__owner_team", "decided_by", "campaign")
        .order_by("agent__name", "agent_id", "id")
    )
    return rows_of(items)


def rows_of(items: Iterable[CampaignItem]) -> list[ItemRow]:
    """The standing of each item; agents come with their revisions, so nothing is asked a second time."""
    granted: dict[UUID, frozenset[Granted]] = {}
    rows = []
    for item in items:
        agent = item.agent
        if agent.pk not in granted:
            granted[agent.pk] = frozenset(entries_of(agent.revision.document) if agent.revision is not None else ())
        standing = standing_of(
            item.verdict,
            still_of_team=agent.owner_team_id == item.campaign.team_id and agent.state != AgentState.RETIRED.value,
            still_granted=Granted(item.pointer, item.entry) in granted[agent.pk],
        )
        rows.append(ItemRow(item=item, standing=standing))
    return rows


def by_agent(rows: Iterable[ItemRow], person: Person) -> list[AgentRows]:
    """The rows under their agents, and whether the person decides them."""
    authority = authority_of(person)
    found: dict[UUID, AgentRows] = {}
    for row in rows:
        agent = row.item.agent
        if agent.pk not in found:
            found[agent.pk] = AgentRows(agent=agent, rows=[], may_decide=may_manage(authority, agent))
        found[agent.pk].rows.append(row)
    return list(found.values())


def progress(campaign: Campaign) -> Progress:
    return progress_of(row.standing for row in items_of(campaign))


@dataclass(frozen=True, kw_only=True)
class CampaignRow:
    """A campaign in a list, with how far it is."""

    campaign: Campaign
    progress: Progress


def with_progress(campaigns: Iterable[Campaign]) -> list[CampaignRow]:
    """The campaigns with their progress: one query for all their items."""
    found = list(campaigns)
    items = CampaignItem.objects.filter(campaign__in=found).select_related("agent__revision", "campaign")
    standings: dict[UUID, list[Standing]] = {campaign.pk: [] for campaign in found}
    for row in rows_of(items.order_by()):
        standings[row.item.campaign_id].append(row.standing)
    return [CampaignRow(campaign=campaign, progress=progress_of(standings[campaign.pk])) for campaign in found]


def undecided_of(agent: Agent) -> list[CampaignItem]:
    """The entries of the agent that still wait for a decision, in campaigns that are open or were missed."""
    items = CampaignItem.objects.filter(agent=agent, verdict="", campaign__state__in=UNDECIDED_IN)
    items = items.select_related("agent__revision", "campaign").order_by("campaign__due_on", "id")
    return [row.item for row in rows_of(items) if row.is_open]


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """A campaign that somebody should see to, and why."""

    campaign: Campaign
    left: int
    missed: bool
    soon: bool


def warnings_for(person: Person, today: date) -> list[Reminder]:
    """For home: campaigns of the teams the person manages (all, for security) that are open or were missed."""
    wanted = visible_campaigns(person).filter(state__in=UNDECIDED_IN).order_by("due_on", "number")
    if not authority_of(person).has(Role.SECURITY):
        wanted = wanted.filter(team__in=teams_managed_by(person).order_by())
    rows = with_progress(wanted)
    return [_warning(row.campaign, row.progress.left, today) for row in rows if row.progress.left]


def warnings_about(agent: Agent, today: date) -> list[Reminder]:
    """For the agent's page: the campaigns in which something of it is undecided."""
    counted: dict[UUID, tuple[Campaign, int]] = {}
    for item in undecided_of(agent):
        _, before = counted.get(item.campaign_id, (item.campaign, 0))
        counted[item.campaign_id] = (item.campaign, before + 1)
    return [_warning(campaign, left, today) for campaign, left in counted.values()]


def _warning(campaign: Campaign, left: int, today: date) -> Reminder:
    return Reminder(
        campaign=campaign,
        left=left,
        missed=campaign.state == CampaignState.MISSED.value or today > campaign.due_on,
        soon=campaign.due_on - today <= SOON,
    )
