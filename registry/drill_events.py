"""What happens to drills, as entries of the ledger. The stop itself has the entries of a stop."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class DrillPlanned(Event):
    """A rehearsed stop is to be. A canary's starts at once; a real agent's waits for consent."""

    TYPE = "registry.drill.planned"

    drill: int
    drill_id: UUID
    agent_name: str
    canary: bool
    scheduled: bool


@dataclass(frozen=True, kw_only=True)
class DrillConsented(Event):
    """Who answers for the agent, or their deputy, agrees that it is stopped for up to so long."""

    TYPE = "registry.drill.consented"

    drill: int
    drill_id: UUID
    limit_seconds: int


@dataclass(frozen=True, kw_only=True)
class DrillStarted(Event):
    TYPE = "registry.drill.started"

    drill: int
    drill_id: UUID
    order: int
    promised_ms: int | None
    limit_seconds: int


@dataclass(frozen=True, kw_only=True)
class DrillEnded(Event):
    """``state`` is passed, failed or cancelled; times are milliseconds after the order."""

    TYPE = "registry.drill.ended"
    PERSONAL: ClassVar = frozenset({"reason"})

    drill: int
    drill_id: UUID
    order: int | None
    state: str
    promised_ms: int | None
    measured_ms: int | None
    first_refused_ms: int | None
    points: int
    points_out: int
    way: str | None = None
    reason: str | None = None
