"""Roles: what a person may be, in a team or in the whole organisation. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    MANAGER = "manager"
    APPROVER = "approver"
    SECURITY = "security"
    AUDITOR = "auditor"
    OPERATOR = "operator"


TEAM_ROLES = frozenset({Role.MANAGER, Role.APPROVER})
ORGANISATION_ROLES = frozenset({Role.SECURITY, Role.AUDITOR, Role.OPERATOR})

EXPLAIN = {
    Role.MANAGER: "registers the team's agents, answers for them and stops them",
    Role.APPROVER: "decides the team's gated actions",
    Role.SECURITY: "sees every agent, may stop any, and decides beside the team",
    Role.AUDITOR: "reads the record and builds audit packages; changes nothing",
    Role.OPERATOR: "runs the service: people, teams, keys, health",
}


@dataclass(frozen=True)
class Authority:
    """What a person was entitled to at one moment: kept with every decision they make."""

    person_id: UUID
    roles: frozenset[tuple[Role, UUID | None]]
    teams: frozenset[UUID]
    active: bool = True

    def has(self, role: Role, team: UUID | None = None) -> bool:
        """Whether the person holds ``role``: in ``team`` for a team role, anywhere for the others."""
        return self.active and (role, team if role in TEAM_ROLES else None) in self.roles

    def holds_anywhere(self, role: Role) -> bool:
        return self.active and any(held is role for held, _ in self.roles)

    def snapshot(self) -> dict[str, object]:
        """JSON-safe and sorted, for the ledger."""
        roles = sorted(f"{role.value}@{team}" if team else role.value for role, team in self.roles)
        return {"person": str(self.person_id), "roles": roles, "teams": sorted(map(str, self.teams))}
