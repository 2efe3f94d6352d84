"""The addresses of the pages of approvals, under /approvals/."""

from django.urls import path

from approvals.web import backtests, decide, fragments, inbox, try_action

app_name = "approvals"

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("list/", inbox.inbox_list, name="list"),
    path("badge/", fragments.badge, name="badge"),
    path("home/", fragments.home_queue, name="home_queue"),
    path("sparklines/", fragments.sparklines, name="sparklines"),
    path("stop-counts/", fragments.stop_counts, name="stop_counts"),
    path("transfer-counts/<uuid:transfer_id>/", fragments.transfer_counts, name="transfer_counts"),
    path("of/<slug:slug>/", fragments.agent_requests, name="agent_requests"),
    path("try/<slug:slug>/", try_action.try_in_force, name="try_action"),
    path("try/<slug:slug>/<slug:part>/", try_action.try_typed, name="try_typed"),
    path("backtests/<int:number>/", backtests.backtest, name="backtest"),
    path("backtests/<int:number>/run/", backtests.run, name="backtest_run"),
    path("use/<slug:slug>/", backtests.count_use, name="count_use"),
    path("AR-<int:number>/", decide.request_page, name="request"),
    path("AR-<int:number>/news/", decide.request_news, name="request_news"),
    path("AR-<int:number>/review/", decide.review_request, name="review"),
    path("AR-<int:number>/withdraw/", decide.withdraw_request, name="withdraw"),
]
