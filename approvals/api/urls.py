"""The addresses of the API of approvals, under /api/v1/."""

from django.urls import path

from approvals.api import agents, backtests, requests

app_name = "approvals-api"

urlpatterns = [
    path("proposals/<int:number>/backtest", backtests.ProposalBacktest.as_view(), name="backtest"),
    path("requests", requests.RequestList.as_view(), name="requests"),
    path("requests/AR-<int:number>", requests.RequestItem.as_view(), name="request"),
    path("requests/AR-<int:number>/reviews", requests.RequestReviews.as_view(), name="reviews"),
    path("requests/AR-<int:number>/withdraw", requests.RequestWithdrawal.as_view(), name="withdraw"),
    path("agent/requests/AR-<int:number>", agents.AgentsOwnRequest.as_view(), name="agent-request"),
]
