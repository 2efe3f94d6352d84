"""The addresses of the registry's API, under /api/v1/."""

from django.urls import path

from registry.api import (
    agents,
    credentials,
    kills,
    leases,
    manifest,
    papers,
    policies,
    recertification,
    record,
    token,
    trusts,
)

app_name = "registry-api"

urlpatterns = [
    path("agents", agents.AgentList.as_view(), name="agents"),
    path("agents/<slug:reference>", agents.AgentDetail.as_view(), name="agent"),
    path("agents/<slug:reference>/register", agents.AgentRegistration.as_view(), name="agent-register"),
    path("agents/<slug:reference>/suspend", record.AgentSuspension.as_view(), name="agent-suspend"),
    path("agents/<slug:reference>/reinstate", record.AgentReinstatement.as_view(), name="agent-reinstate"),
    path("agents/<slug:reference>/retire", record.AgentRetirement.as_view(), name="agent-retire"),
    path("agents/<slug:reference>/owners", record.AgentPeople.as_view(), name="agent-owners"),
    path("agents/<slug:reference>/transfer", record.TransferOffer.as_view(), name="agent-transfer"),
    path("agents/<slug:reference>/documents", papers.DocumentList.as_view(), name="documents"),
    path(
        "agents/<slug:reference>/documents/<uuid:document_id>",
        papers.DocumentContent.as_view(),
        name="document",
    ),
    path("transfers", record.TransferList.as_view(), name="transfers"),
    path("transfers/<uuid:transfer_id>", record.TransferDetail.as_view(), name="transfer"),
    path("transfers/<uuid:transfer_id>/accept", record.TransferAcceptance.as_view(), name="transfer-accept"),
    path("transfers/<uuid:transfer_id>/decline", record.TransferRefusal.as_view(), name="transfer-decline"),
    path("transfers/<uuid:transfer_id>/withdraw", record.TransferWithdrawal.as_view(), name="transfer-withdraw"),
    path("findings", papers.FindingsOpen.as_view(), name="findings"),
    path("findings/<uuid:finding_id>", papers.FindingDetail.as_view(), name="finding"),
    path("findings/<uuid:finding_id>/close", papers.FindingClosure.as_view(), name="finding-close"),
    path("teams/<slug:slug>/on-call", record.TeamOnCall.as_view(), name="team-on-call"),
    path("agents/<slug:reference>/credentials", credentials.CredentialList.as_view(), name="credentials"),
    path(
        "agents/<slug:reference>/credentials/<uuid:credential_id>/revoke",
        credentials.CredentialRevocation.as_view(),
        name="credential-revoke",
    ),
    path(
        "agents/<slug:reference>/credentials/<uuid:credential_id>/rotate",
        credentials.CredentialRotation.as_view(),
        name="credential-rotate",
    ),
    path(
        "agents/<slug:reference>/credentials/revoke",
        credentials.CredentialsRevocation.as_view(),
        name="credentials-revoke",
    ),
    path("agents/<slug:reference>/trusts", trusts.TrustList.as_view(), name="trusts"),
    path(
        "agents/<slug:reference>/trusts/<uuid:trust_id>/revoke",
        trusts.TrustRevocation.as_view(),
        name="trust-revoke",
    ),
    path("token", token.TokenExchange.as_view(), name="token"),
    path("agents/<slug:reference>/policy", policies.PolicyInForce.as_view(), name="policy"),
    path("agents/<slug:reference>/policy/revisions", policies.Revisions.as_view(), name="policy-revisions"),
    path("import", manifest.FileImport.as_view(), name="import"),
    path("export", manifest.FileExport.as_view(), name="export"),
    path("schemas/policy-file.json", manifest.FileSchema.as_view(), name="policy-file-schema"),
    path("agents/<slug:reference>/export", manifest.AgentExport.as_view(), name="agent-export"),
    path("agents/<slug:reference>/policy-file", manifest.AgentFile.as_view(), name="policy-file"),
    path("agents/<slug:reference>/use", recertification.AgentUse.as_view(), name="agent-use"),
    path("recertifications", recertification.CampaignList.as_view(), name="recertifications"),
    path("recertifications/<int:number>", recertification.CampaignDetail.as_view(), name="recertification"),
    path(
        "recertifications/<int:number>/decisions",
        recertification.CampaignDecisions.as_view(),
        name="recertification-decisions",
    ),
    path(
        "recertifications/<int:number>/cancel",
        recertification.CampaignCancellation.as_view(),
        name="recertification-cancel",
    ),
    path("kills", kills.KillList.as_view(), name="kills"),
    path("kills/<int:number>", kills.KillDetail.as_view(), name="kill"),
    path("leases", leases.LeaseList.as_view(), name="leases"),
    path("leases/release", leases.LeaseRelease.as_view(), name="lease-release"),
    path("kills/<int:number>/agreements", kills.KillAgreement.as_view(), name="kill-agreements"),
]
