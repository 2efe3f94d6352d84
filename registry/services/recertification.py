"""Recertification: a team's grants are looked at entry by entry; what nobody looks at in time is suspended.

Taking an entry away tightens the policy in the same transaction. Each decision is an entry of the ledger, so
the review is evidence whatever becomes of these rows.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append, append_many
from portal.ledger.services.numbers import next_number
from registry import events
from registry.models import Agent, Campaign, CampaignItem, CampaignState, ItemVerdict, ScopeUse
from registry.rules.lifecycle import AgentState
from registry.rules.recertification import (
    Granted,
    Standing,
    entries_of,
    fault_in_date,
    is_missed,
    without,
)
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.agents import may_manage
from registry.selectors.recertification import ItemRow, items_of, may_open, rows_of
from registry.services.lifecycle import suspend_agent
from registry.services.policy import tighten_within

MOST_AT_ONCE = 400
_DECIDABLE = (CampaignState.OPEN.value, CampaignState.MISSED.value)


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
def keep_items(*, actor: Person, campaign: Campaign, items: Collection[UUID], reason: str) -> int:
    """Keep entries, for one reason. All of them or none; returns how many."""
    _refuse_reason(reason)
    if not items:
        raise InvalidInput(
            "Choose the entries to keep. Nothing was decided.", errors=[{"pointer": "/items", "detail": "is empty"}]
        )
    campaign = _lock(campaign)
    rows = _open_rows(actor, campaign, items)
    _decide(actor, campaign, rows, verdict=ItemVerdict.KEEP, reason=reason.strip())
    return len(rows)


@transaction.atomic(durable=True)
def remove_item(*, actor: Person, campaign: Campaign, item: UUID, reason: str = "") -> CampaignItem:
    """Take one entry out of its agent's policy, at once, and note it as the decision on the item."""
    if reason.strip():
        _refuse_reason(reason)
    campaign = _lock(campaign)
    (row,) = _open_rows(actor, campaign, [item])
    agent = row.item.agent
    said = reason.strip() or f"Not needed any more; removed in recertification {campaign.number}."
    try:
        narrowed = without(agent.revision.document if agent.revision is not None else {}, _granted(row.item))
    except LookupError as gone:
        raise Conflict("Another change has just taken this entry out of the policy. Nothing was decided.") from gone
    revision = tighten_within(
        actor=actor,
        agent=agent,
        document=narrowed,
        based_on=agent.revision.number if agent.revision is not None else 0,
        reason=said,
    )
    _decide(actor, campaign, [row], verdict=ItemVerdict.REMOVE, reason=said, revision=revision.number)
    return row.item


@transaction.atomic(durable=True)
def cancel_campaign(*, actor: Person, campaign: Campaign, reason: str) -> Campaign:
    """End an open campaign without its decisions. For security alone: a team must not waive its own review."""
    _refuse_reason(reason, "Nothing was cancelled.")
    if not authority_of(actor).has(Role.SECURITY):
        raise NotAllowed("Only security cancels a recertification. Nothing was cancelled.")
    campaign = _lock(campaign)
    if campaign.state != CampaignState.OPEN.value:
        raise Conflict(f"Recertification {campaign.number} is {campaign.state} already. Nothing was cancelled.")
    _close(campaign, CampaignState.CANCELLED, database_now(), by=actor_for(actor), reason=reason.strip())
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
    campaign = _lock(campaign)
    if campaign.state != CampaignState.OPEN.value or not is_missed(campaign.due_on, today):
        return False
    open_now = any(row.is_open for row in items_of(campaign))
    state = CampaignState.MISSED if open_now or suspended else CampaignState.DONE
    _close(campaign, state, database_now(), by=SYSTEM, suspended=suspended)
    return state is CampaignState.MISSED


def _open_rows(actor: Person, campaign: Campaign, items: Collection[UUID]) -> list[ItemRow]:
    """The rows of the items, locked, each waiting and the actor's to decide; refused as a whole otherwise."""
    if campaign.state not in _DECIDABLE:
        raise Conflict(f"Recertification {campaign.number} is {campaign.state}. Nothing was decided.")
    wanted = set(items)
    if len(wanted) > MOST_AT_ONCE:
        raise InvalidInput(f"At most {MOST_AT_ONCE} entries are decided at once. Nothing was decided.")
    agents = CampaignItem.objects.filter(campaign=campaign, pk__in=wanted).values("agent_id")
    # Agents before what hangs on them, in the order of their ids: a change of policy locks the agent too.
    list(Agent.objects.select_for_update(of=("self",)).filter(pk__in=agents).order_by("pk").only("pk"))
    found = (
        CampaignItem.objects.filter(campaign=campaign, pk__in=wanted)
        .select_related("agent__revision", "agent__owner_team", "campaign")
        .order_by("agent_id", "id")
    )
    rows = rows_of(found)
    if len(rows) != len(wanted):
        raise NotFound("Not all of these are entries of this recertification. Nothing was decided.")
    authority = authority_of(actor)
    for row in rows:
        if not may_manage(authority, row.item.agent):
            raise NotAllowed(
                f"Only a manager of {row.item.agent.owner_team.name} decides the entries of {row.item.agent.name}. "
                "Nothing was decided."
            )
        if row.standing is not Standing.OPEN:
            raise Conflict(_already(row))
    return rows


def _already(row: ItemRow) -> str:
    what = f"{row.word} {row.item.entry} of {row.item.agent.name}"
    said = {
        Standing.KEPT: "was kept by somebody a moment ago",
        Standing.REMOVED: "was removed by somebody a moment ago",
        Standing.GONE: "is no longer in the policy",
        Standing.LEFT: "belongs to an agent that is retired or another team's now",
    }
    return f"{what} {said.get(row.standing, 'is settled')}. Nothing was decided; look again."


def _decide(
    actor: Person,
    campaign: Campaign,
    rows: Sequence[ItemRow],
    *,
    verdict: ItemVerdict,
    reason: str,
    revision: int | None = None,
) -> None:
    """Note the decision on each row and record it; ``revision`` is the one that a removal has made."""
    now = database_now()
    drafts = []
    for row in rows:
        item = row.item
        item.verdict, item.reason, item.decided_by, item.decided_at = verdict.value, reason, actor, now
        in_force = item.agent.revision.number if item.agent.revision is not None else 0
        event = events.CampaignItemDecided(
            campaign=campaign.number,
            pointer=item.pointer,
            entry=item.entry,
            verdict=verdict.value,
            used=item.used,
            last_used_at=None if item.last_used_at is None else instant(item.last_used_at),
            revision=in_force if revision is None else revision,
            late=campaign.state == CampaignState.MISSED.value,
            reason=reason,
        )
        drafts.append(Draft(event=event, actor=actor_for(actor), at=now, agent_id=item.agent_id))
    CampaignItem.objects.bulk_update([row.item for row in rows], ["verdict", "reason", "decided_by", "decided_at"])
    append_many(drafts)
    if campaign.state == CampaignState.OPEN.value and not any(row.is_open for row in items_of(campaign)):
        _close(campaign, CampaignState.DONE, now, by=actor_for(actor))


def _close(
    campaign: Campaign,
    state: CampaignState,
    now: datetime,
    *,
    by: Actor,
    suspended: Sequence[UUID] = (),
    reason: str | None = None,
) -> None:
    campaign.state, campaign.closed_at = state.value, now
    campaign.save(update_fields=["state", "closed_at"])
    standings = [row.standing for row in items_of(campaign)]
    event = events.CampaignClosed(
        campaign=campaign.number,
        state=state.value,
        kept=standings.count(Standing.KEPT),
        removed=standings.count(Standing.REMOVED),
        undecided=standings.count(Standing.OPEN),
        suspended=list(suspended),
        reason=reason,
    )
    append(event, actor=by, at=now)


def _lock(campaign: Campaign) -> Campaign:
    locked = Campaign.objects.select_for_update(of=("self",)).select_related("team").filter(pk=campaign.pk).first()
    if locked is None:
        raise NotFound("There is no such recertification.")
    return locked


def _granted(item: CampaignItem) -> Granted:
    return Granted(item.pointer, item.entry)


def _refuse_reason(reason: str, undone: str = "Nothing was decided.") -> None:
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault:
        raise InvalidInput(f"The reason {fault}. {undone}", errors=[{"pointer": "/reason", "detail": fault}])
