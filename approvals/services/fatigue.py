"""Fatigue: an agent that asks more than people can read is told to wait."""

from datetime import datetime, timedelta

from django.db import connection

from approvals.exception_events import AgentCooledDown
from approvals.models import CoolDown
from approvals.rules.decision import Effect, Rule
from approvals.selectors.opening import Ground
from approvals.selectors.standing import CallerStanding
from portal.ledger.events import Actor, instant
from portal.ledger.services.append import append

# The row is waited for once the name is held, and never the other way: who waits for it may be waited for by whoever
# wants the name for himself alone.
_HOLD = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0)))
SELECT c.until, c.until > clock_timestamp() FROM held, approvals_cooldown c WHERE c.agent_id = %s FOR UPDATE OF c
"""


def hold_turn(standing: CallerStanding, name: str) -> Rule | None:
    """Hold a name, shared, and the agent's row: of requests that are asked at once each sees those before it.

    The rule that refuses the agent while it is to wait, or None.
    """
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(_HOLD, [name, standing.agent_id])
            row = cursor.fetchone()
            if row is not None:
                return _rule(row[0]) if row[1] else None
            CoolDown.objects.bulk_create(
                [CoolDown(agent_id=standing.agent_id, until=standing.now)], ignore_conflicts=True
            )
    raise RuntimeError("A cool-down's row vanished while it was asked for (this is a bug).")


def refuse_flood(standing: CallerStanding, ground: Ground) -> Rule | None:
    """The rule that refuses one more request of this agent now, or None; the agent's turn is held by the caller."""
    if ground.number is None:
        text = f"{ground.waiting} requests of this agent wait already. Ask again when some of them have been decided."
        return Rule("requests.too-many", Effect.FORBID, text)
    fatigue = ground.ruled.book.fatigue
    if ground.opened < fatigue.most_in_ten_minutes:
        return None
    until = ground.now + timedelta(minutes=fatigue.cool_down_minutes)
    CoolDown.objects.filter(agent_id=standing.agent_id).update(until=until)
    append(
        AgentCooledDown(opened=ground.opened, most=fatigue.most_in_ten_minutes, until=instant(until)),
        actor=Actor("agent", str(standing.agent_id), standing.agent_name),
        at=ground.now,
        agent_id=standing.agent_id,
    )
    return _rule(until)


def _rule(until: datetime) -> Rule:
    text = (
        "This agent opened more requests within ten minutes than people can read. "
        f"Ask again after {until:%H:%M:%S} UTC; what waits already can still be decided."
    )
    return Rule("requests.cool-down", Effect.FORBID, text)
