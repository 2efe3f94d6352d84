"""Recertification: a team's grants are put up to be looked at again; what nobody looks at in time is suspended.

What is decided of each entry is in ``recertification_items``. Opening, each decision and the end are entries of the
ledger, so the review is evidence whatever becomes of these rows.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry import events
from registry.models import Agent, Campaign, CampaignItem, CampaignState, ScopeUse
from registry.rules.lifecycle import AgentState
from registry.rules.recertification import (
    Standing,
    entries_of,
    fault_in_date,
    is_missed,
)
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.recertification import items_of, may_open
from registry.services.lifecycle import suspend_agent


@transaction.atomic(durable=True)
def open_campaign(*, actor: Person, team: Team, due_on: date) -> Campaign:
    """Put every entry of the team's active agents up for review, with its use as counted now."""
    if not may_open(authority_of(actor), team.pk):
        raise NotAllowed(f"Only a manager of {team.name} or security starts this. Nothing was started.")
    now = database_now()
    fault = fault_in_date(due_on, now.astimezone(UTC).date())
    if fault:
        raise InvalidInput(f"The date {fault}. Nothing was started.", errors=[{"pointer": "/due_on", "detail": fault}])
    agents = list(
        Agent.objects.filter(owner_team=team, state=AgentState.ACTIVE.value).select_related("revision").order_by("name")
    )
    if not agents:
        raise Conflict(f"{team.name} has no active agent, so there is nothing to look at. Nothing was started.")
    campaign = _created(actor, team, due_on)
    items = _items(campaign, agents)
    CampaignItem.objects.bulk_create(items)
    event = events.CampaignOpened(
        campaign=campaign.number,
        team=team.pk,
        team_name=team.name,
        due_on=due_on.isoformat(),
        agents=[agent.pk for agent in agents],
        items=len(items),
    )
    append(event, actor=actor_for(actor), at=now)
    return campaign


def _created(actor: Person, team: Team, due_on: date) -> Campaign:
    number = next_number("registry_campaign_number")
    try:
        with transaction.atomic():
            return Campaign.objects.create(number=number, team=team, due_on=due_on, opened_by=actor)
    except IntegrityError as error:
        raise Conflict(
            f"A recertification of {team.name} is open already; finish that one. Nothing was started."
        ) from error


def _items(campaign: Campaign, agents: Sequence[Agent]) -> list[CampaignItem]:
    used = {(use.agent_id, use.pointer, use.entry): use for use in ScopeUse.objects.filter(agent__in=list(agents))}
    items = []
    for agent in agents:
        for granted in entries_of(agent.revision.document if agent.revision is not None else {}):
            use = used.get((agent.pk, *granted))
            items.append(
                CampaignItem(
                    campaign=campaign,
                    agent=agent,
                    pointer=granted.pointer,
                    entry=granted.entry,
                    used=None if use is None else use.count,
                    last_used_at=None if use is None else use.last_used_at,
                )
            )
    return items


@transaction.atomic(durable=True)
def cancel_campaign(*, actor: Person, campaign: Campaign, reason: str) -> Campaign:
    """End an open campaign without its decisions. For security alone: a team must not waive its own review."""
    refuse_reason(reason, "Nothing was cancelled.")
    if not authority_of(actor).has(Role.SECURITY):
        raise NotAllowed("Only security cancels a recertification. Nothing was cancelled.")
    campaign = lock(campaign)
    if campaign.state != CampaignState.OPEN.value:
        raise Conflict(f"Recertification {campaign.number} is {campaign.state} already. Nothing was cancelled.")
    close(campaign, CampaignState.CANCELLED, database_now(), by=actor_for(actor), reason=reason.strip())
    return campaign


def close_missed(now: datetime | None = None) -> list[int]:
    """Suspend what was not looked at in time, and close the campaigns; their numbers. What the job does.

    Each agent is suspended in a transaction of its own, and the campaign is closed last: whoever is interrupted
    between the two goes on in the next round. A day counts to its end, in UTC.
    """
    now = now or database_now()
    today = now.astimezone(UTC).date()
    waiting = Campaign.objects.filter(state=CampaignState.OPEN.value, due_on__lt=today).order_by("due_on", "number")
    return [campaign.number for campaign in waiting if _miss(campaign, today)]


def _miss(campaign: Campaign, today: date) -> bool:
    open_rows = [row for row in items_of(campaign) if row.is_open]
    left: dict[UUID, int] = {}
    for row in open_rows:
        left[row.item.agent_id] = left.get(row.item.agent_id, 0) + 1
    suspended = [
        row.pk
        for row in {row.item.agent_id: row.item.agent for row in open_rows}.values()
        if _suspend(row, campaign, left[row.pk])
    ]
    return _settle_missed(campaign, today, suspended)


def _suspend(agent: Agent, campaign: Campaign, left: int) -> bool:
    """Suspend one agent; False when it is not active (any more), or cannot be."""
    if agent.state != AgentState.ACTIVE.value:
        return False
    entries = "1 entry of its scope was" if left == 1 else f"{left} entries of its scope were"
    reason = (
        f"Recertification {campaign.number} was due on {campaign.due_on.isoformat()} and {entries} not decided. "
        f"To get it back, decide them in recertification {campaign.number}, then reinstate the agent."
    )
    try:
        suspend_agent(actor=None, agent=agent, reason=reason)
    except (Conflict, NotFound):
        return False  # somebody else moved it in this moment
    return True


@transaction.atomic(durable=True)
def _settle_missed(campaign: Campaign, today: date, suspended: list[UUID]) -> bool:
    campaign = lock(campaign)
    if campaign.state != CampaignState.OPEN.value or not is_missed(campaign.due_on, today):
        return False
    open_now = any(row.is_open for row in items_of(campaign))
    state = CampaignState.MISSED if open_now or suspended else CampaignState.DONE
    close(campaign, state, database_now(), by=SYSTEM, suspended=suspended)
    return state is CampaignState.MISSED


def close(
    campaign: Campaign,
    state: CampaignState,
    now: datetime,
    *,
    by: Actor,
    suspended: Sequence[UUID] = (),
    reason: str | None = None,
) -> None:
    """End a locked campaign and record how far it came."""
    campaign.state, campaign.closed_at = state.value, now
    campaign.save(update_fields=["state", "closed_at"])
    standings = [row.standing for row in items_of(campaign)]
    event = events.CampaignClosed(
        campaign=campaign.number,
        team=campaign.team_id,
        state=state.value,
        kept=standings.count(Standing.KEPT),
        removed=standings.count(Standing.REMOVED),
        undecided=standings.count(Standing.OPEN),
        suspended=list(suspended),
        reason=reason,
    )
    append(event, actor=by, at=now)


def lock(campaign: Campaign) -> Campaign:
    """The campaign locked: decisions on one campaign come one after the other."""
    locked = Campaign.objects.select_for_update(of=("self",)).select_related("team").filter(pk=campaign.pk).first()
    if locked is None:
        raise NotFound("There is no such recertification.")
    return locked


def refuse_reason(reason: str, undone: str = "Nothing was decided.") -> None:
    """A reason that is missing or cannot be stored."""
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault:
        raise InvalidInput(f"The reason {fault}. {undone}", errors=[{"pointer": "/reason", "detail": fault}])
