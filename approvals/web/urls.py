"""The addresses of the pages of approvals, under /approvals/."""

from django.urls import path

from approvals.web import (
    backtests,
    batch,
    channels,
    decide,
    deliveries,
    edit,
    fragments,
    inbox,
    notices,
    pulse,
    try_action,
)

app_name = "approvals"

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("list/", inbox.inbox_list, name="list"),
    path("pulse/", pulse.pulse, name="pulse"),
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
    path("notices/", notices.notices, name="notices"),
    path("notices/test/", notices.test, name="notices_test"),
    path("channels/", channels.channel_list, name="channels"),
    path("channels/add/", channels.add, name="channel_add"),
    path("channels/<uuid:channel_id>/", channels.channel, name="channel"),
    path("channels/<uuid:channel_id>/change/", channels.change, name="channel_change"),
    path("channels/<uuid:channel_id>/end/", channels.end, name="channel_end"),
    path("channels/<uuid:channel_id>/test/", channels.test, name="channel_test"),
    path("deliveries/", deliveries.delivery_list, name="deliveries"),
    path("deliveries/replay/", deliveries.replay_every, name="deliveries_replay"),
    path("deliveries/<uuid:delivery_id>/replay/", deliveries.replay_one, name="delivery_replay"),
    path("AR-<int:number>/", decide.request_page, name="request"),
    path("AR-<int:number>/news/", decide.request_news, name="request_news"),
    path("AR-<int:number>/review/", decide.review_request, name="review"),
    path("AR-<int:number>/withdraw/", decide.withdraw_request, name="withdraw"),
    path("AR-<int:number>/proof/", decide.begin_proof, name="proof"),
    path("AR-<int:number>/undo/", decide.undo_review, name="undo"),
    path("AR-<int:number>/comment/", decide.comment_request, name="comment"),
    path("AR-<int:number>/edit/", edit.edit_request, name="edit"),
    path("batch/", batch.batch, name="batch"),
]
