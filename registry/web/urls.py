"""The addresses of the registry's pages."""

from django.urls import path

from registry.web import agents, credentials, home, orders, policy, register, stops, trusts

app_name = "registry"

urlpatterns = [
    path("agents/", agents.agent_list, name="agents"),
    path("agents/register/", register.begin, name="register"),
    path("agents/register/charter/", register.first_charter, name="register_first_charter"),
    path("agents/<slug:slug>/", agents.overview, name="agent"),
    path("agents/<slug:slug>/scope/", agents.scope, name="agent_scope"),
    path("agents/<slug:slug>/history/", agents.history, name="agent_history"),
    path("agents/<slug:slug>/activity/", agents.activity, name="agent_activity"),
    path("agents/<slug:slug>/connect/", agents.connect, name="agent_connect"),
    path("agents/<slug:slug>/credentials/", credentials.credential_list, name="agent_credentials"),
    path("agents/<slug:slug>/credentials/<uuid:credential_id>/revoke/", credentials.revoke, name="credential_revoke"),
    path("agents/<slug:slug>/credentials/<uuid:credential_id>/rotate/", credentials.rotate, name="credential_rotate"),
    path("agents/<slug:slug>/credentials/revoke/", credentials.revoke_every, name="credentials_revoke"),
    path("agents/<slug:slug>/trusts/add/<slug:issuer>/", trusts.add, name="trust_add"),
    path("agents/<slug:slug>/trusts/<uuid:trust_id>/", trusts.trust, name="trust"),
    path("agents/<slug:slug>/trusts/<uuid:trust_id>/revoke/", trusts.revoke, name="trust_revoke"),
    path("agents/<slug:slug>/policy/", policy.change, name="policy_change"),
    path("agents/<slug:slug>/policy/difference/", policy.difference, name="policy_difference"),
    path("agents/<slug:slug>/register/review/", register.review, name="register_review"),
    path("agents/<slug:slug>/register/<str:step>/", register.step, name="register_step"),
    path("agents/<slug:slug>/register/<str:step>/charter/", register.live_charter, name="register_charter"),
    path("agents/<slug:slug>/stop/", stops.stop_agent, name="stop"),
    path("home/agents/", home.agents, name="home_agents"),
    path("home/kills/", home.kills, name="home_kills"),
    path("stops/", orders.order_list, name="stops"),
    path("stops/all/", stops.stop_everything, name="stop_all"),
    path("stops/team/<slug:slug>/", stops.stop_team, name="stop_team"),
    path("stops/run/<uuid:run>/", stops.stop_run, name="stop_run"),
    path("stops/action/", stops.stop_action, name="stop_action"),
    path("stops/repository/", stops.stop_repository, name="stop_repository"),
    path("stops/<int:number>/", orders.order, name="kill"),
    path("stops/<int:number>/progress/", orders.progress, name="kill_progress"),
]
