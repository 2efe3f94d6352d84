"""The tables of people, teams and roles."""

from portal.identity.models.person import Person
from portal.identity.models.team import Membership, RoleAssignment, Team
from portal.identity.models.token import PersonToken

__all__ = ["Membership", "Person", "PersonToken", "RoleAssignment", "Team"]
