"""Addresses of runs and packages under /api/v1/."""

from django.urls import path

from reports.api import runs

app_name = "reports_api"

urlpatterns = [
    path("runs", runs.RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/entries", runs.RunEntriesView.as_view(), name="run_entries"),
]
