"""The tables of the registry."""

from registry.models.agent import Agent, AgentGroupPermission, AgentUserPermission
from registry.models.credential import Credential
from registry.models.kill import KillOrder, KillState, ResumeAgreement
from registry.models.policy import PolicyRevision

__all__ = [
    "Agent",
    "AgentGroupPermission",
    "AgentUserPermission",
    "Credential",
    "KillOrder",
    "KillState",
    "PolicyRevision",
    "ResumeAgreement",
]
