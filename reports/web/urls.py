"""Pages of runs and packages."""

from django.urls import path

from reports.web import runs

app_name = "reports"

urlpatterns = [
    path("runs/", runs.runs, name="runs"),
    path("runs/export.csv", runs.runs_export, name="runs_export"),
    path("runs/of/<slug:slug>/", runs.agent_runs, name="agent_runs"),
    path("runs/evidence/", runs.home_evidence, name="home_evidence"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
]
