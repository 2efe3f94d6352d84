"""Fatigue: an agent that asks more than people can read is told to wait."""

from datetime import timedelta

from approvals.exception_events import AgentCooledDown
from approvals.models import ApprovalRequest, CoolDown
from approvals.rules.decision import Effect, Rule
from approvals.rules.rulebook import Book
from approvals.selectors.standing import CallerStanding
from portal.ledger.events import Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

WINDOW = timedelta(minutes=10)


def refuse_flood(standing: CallerStanding, book: Book) -> Rule | None:
    """The rule that refuses one more request of this agent now, or None; inside the transaction that opens it.

    The agent's row is held from here on, so of requests that are asked at once each sees those before it.
    """
    now = database_now()
    CoolDown.objects.bulk_create([CoolDown(agent_id=standing.agent_id, until=now)], ignore_conflicts=True)
    row = CoolDown.objects.select_for_update().get(agent_id=standing.agent_id)
    if now < row.until:
        return _rule(row)
    most = book.fatigue.most_in_ten_minutes
    opened = ApprovalRequest.objects.filter(
        agent_id=standing.agent_id, canary=False, opened_at__gt=now - WINDOW
    ).count()
    if opened < most:
        return None
    row.until = now + timedelta(minutes=book.fatigue.cool_down_minutes)
    row.save(update_fields=["until"])
    append(
        AgentCooledDown(opened=opened, most=most, until=instant(row.until)),
        actor=Actor("agent", str(standing.agent_id), standing.agent_name),
        at=now,
        agent_id=standing.agent_id,
    )
    return _rule(row)


def _rule(row: CoolDown) -> Rule:
    text = (
        "This agent opened more requests within ten minutes than people can read. "
        f"Ask again after {row.until:%H:%M:%S} UTC; what waits already can still be decided."
    )
    return Rule("requests.cool-down", Effect.FORBID, text)
