"""Deciding the entries of a recertification: kept with a reason, or taken out of the policy in the same act."""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append_many
from registry import events
from registry.models import Agent, Campaign, CampaignItem, CampaignState, ItemVerdict
from registry.rules.recertification import Granted, Standing, without
from registry.selectors.agents import may_manage
from registry.selectors.recertification import ItemRow, items_of, rows_of
from registry.services.policy import tighten_within
from registry.services.recertification import close, lock, refuse_reason

MOST_AT_ONCE = 400
_DECIDABLE = (CampaignState.OPEN.value, CampaignState.MISSED.value)


@transaction.atomic(durable=True)
def keep_items(*, actor: Person, campaign: Campaign, items: Collection[UUID], reason: str) -> int:
    """Keep entries, for one reason. All of them or none; returns how many."""
    refuse_reason(reason)
    if not items:
        raise InvalidInput(
            "Choose the entries to keep. Nothing was decided.", errors=[{"pointer": "/items", "detail": "is empty"}]
        )
    campaign = lock(campaign)
    rows = _open_rows(actor, campaign, items)
    _decide(actor, campaign, rows, verdict=ItemVerdict.KEEP, reason=reason.strip())
    return len(rows)


@transaction.atomic(durable=True)
def remove_item(*, actor: Person, campaign: Campaign, item: UUID, reason: str = "") -> CampaignItem:
    """Take one entry out of its agent's policy, at once, and note it as the decision on the item."""
    if reason.strip():
        refuse_reason(reason)
    campaign = lock(campaign)
    (row,) = _open_rows(actor, campaign, [item])
    agent = row.item.agent
    said = reason.strip() or f"Removed in recertification {campaign.number}."
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
        close(campaign, CampaignState.DONE, now, by=actor_for(actor))


def _granted(item: CampaignItem) -> Granted:
    return Granted(item.pointer, item.entry)
