"""Addresses of people and teams under /api/v1/."""

from django.urls import path

from portal.identity.api import views

app_name = "identity_api"

urlpatterns = [
    path("me", views.MeView.as_view(), name="me"),
    path("me/tokens", views.TokensView.as_view(), name="tokens"),
    path("me/tokens/<uuid:token_id>", views.TokenView.as_view(), name="token"),
    path("teams", views.TeamsView.as_view(), name="teams"),
    path("teams/<slug:slug>", views.TeamView.as_view(), name="team"),
]
