"""The addresses of the API of approvals, under /api/v1/."""

from django.urls import path

from approvals.api import agents, backtests, delegations, exceptions, notices, oversight, requests, rulebook

app_name = "approvals-api"

urlpatterns = [
    path("proposals/<int:number>/backtest", backtests.ProposalBacktest.as_view(), name="backtest"),
    path("requests", requests.RequestList.as_view(), name="requests"),
    path("requests/AR-<int:number>", requests.RequestItem.as_view(), name="request"),
    path("requests/AR-<int:number>/reviews", requests.RequestReviews.as_view(), name="reviews"),
    path("requests/batch", requests.RequestBatch.as_view(), name="batch"),
    path("requests/AR-<int:number>/undo", requests.RequestUndo.as_view(), name="undo"),
    path("requests/AR-<int:number>/comments", requests.RequestComments.as_view(), name="comments"),
    path("requests/AR-<int:number>/edits", requests.RequestEdits.as_view(), name="edits"),
    path("requests/AR-<int:number>/withdraw", requests.RequestWithdrawal.as_view(), name="withdraw"),
    path("rulebook", rulebook.RulebookInForce.as_view(), name="rulebook"),
    path("rulebook/revisions", rulebook.RulebookRevisions.as_view(), name="rulebook-revisions"),
    path("rulebook/revisions/<int:number>", rulebook.RulebookRevision.as_view(), name="rulebook-revision"),
    path("rulebook/proposals", rulebook.RulebookProposals.as_view(), name="rulebook-proposals"),
    path("rulebook/proposals/<int:number>", rulebook.RulebookProposalItem.as_view(), name="rulebook-proposal"),
    path("rulebook/proposals/<int:number>/agree", rulebook.RulebookAgreement.as_view(), name="rulebook-agree"),
    path("rulebook/proposals/<int:number>/refuse", rulebook.RulebookRefusal.as_view(), name="rulebook-refuse"),
    path("rulebook/proposals/<int:number>/withdraw", rulebook.RulebookWithdrawal.as_view(), name="rulebook-withdraw"),
    path("rulebook/risk", rulebook.RecordedRisk.as_view(), name="rulebook-risk"),
    path("delegations", delegations.DelegationList.as_view(), name="delegations"),
    path("delegations/<uuid:delegation_id>/end", delegations.DelegationEnd.as_view(), name="delegation-end"),
    path("notices", notices.MyNotices.as_view(), name="notices"),
    path("channels", notices.ChannelList.as_view(), name="channels"),
    path("channels/<uuid:channel_id>", notices.ChannelItem.as_view(), name="channel"),
    path("channels/<uuid:channel_id>/end", notices.ChannelEnd.as_view(), name="channel-end"),
    path("channels/<uuid:channel_id>/test", notices.ChannelTest.as_view(), name="channel-test"),
    path("deliveries", notices.DeliveryList.as_view(), name="deliveries"),
    path("deliveries/replay", notices.DeliveriesReplay.as_view(), name="deliveries-replay"),
    path("deliveries/<uuid:delivery_id>/replay", notices.DeliveryReplay.as_view(), name="delivery-replay"),
    path("oversight", oversight.Oversight.as_view(), name="oversight"),
    path("exceptions", exceptions.ExceptionList.as_view(), name="exceptions"),
    path("exceptions/EX-<int:number>", exceptions.ExceptionDetail.as_view(), name="exception"),
    path("exceptions/EX-<int:number>/uses", exceptions.ExceptionUses.as_view(), name="exception-uses"),
    path("exceptions/EX-<int:number>/grant", exceptions.ExceptionGrant.as_view(), name="exception-grant"),
    path("exceptions/EX-<int:number>/refuse", exceptions.ExceptionRefusal.as_view(), name="exception-refuse"),
    path("exceptions/EX-<int:number>/withdraw", exceptions.ExceptionWithdrawal.as_view(), name="exception-withdraw"),
    path("exceptions/EX-<int:number>/revoke", exceptions.ExceptionRevocation.as_view(), name="exception-revoke"),
    path("exceptions/EX-<int:number>/close", exceptions.ExceptionClosing.as_view(), name="exception-close"),
    path("agent/requests", agents.AgentsOwnRequests.as_view(), name="agent-requests"),
    path("agent/grants/<uuid:grant_id>/outcome", agents.GrantOutcomeReport.as_view(), name="agent-outcome"),
    path("agent/heads", agents.Heads.as_view(), name="agent-heads"),
    path("agent/requests/AR-<int:number>", agents.AgentsOwnRequest.as_view(), name="agent-request"),
]
