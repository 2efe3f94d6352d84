"""The tables of the registry."""

from registry.models.agent import Agent, AgentGroupPermission, AgentUserPermission
from registry.models.credential import Credential, CredentialKind, ExchangedToken, IssuerTrust
from registry.models.document import AgentDocument, DocumentKind
from registry.models.drift import PolicySighting
from registry.models.finding import Finding, FindingKind
from registry.models.kill import (
    Drill,
    DrillState,
    EnforcementPoint,
    KillOrder,
    KillState,
    PointKind,
    ResumeAgreement,
    StopAcknowledgement,
)
from registry.models.ownership import Ownership, OwnershipTransfer, TransferState
from registry.models.policy import PolicyLevel, PolicyProposal, PolicyRevision, ProposalState
from registry.models.recertification import Campaign, CampaignItem, CampaignState, ItemVerdict, ScopeUse

__all__ = [
    "Agent",
    "AgentDocument",
    "AgentGroupPermission",
    "AgentUserPermission",
    "Campaign",
    "CampaignItem",
    "CampaignState",
    "Credential",
    "CredentialKind",
    "DocumentKind",
    "Drill",
    "DrillState",
    "EnforcementPoint",
    "ExchangedToken",
    "Finding",
    "FindingKind",
    "IssuerTrust",
    "ItemVerdict",
    "KillOrder",
    "KillState",
    "Ownership",
    "OwnershipTransfer",
    "PointKind",
    "PolicyLevel",
    "PolicyProposal",
    "PolicyRevision",
    "PolicySighting",
    "ProposalState",
    "ResumeAgreement",
    "ScopeUse",
    "StopAcknowledgement",
    "TransferState",
]
