"""Pages of runs and packages."""

from django.urls import path

from reports.web import certificates, packages, runs

app_name = "reports"

urlpatterns = [
    path("runs/", runs.runs, name="runs"),
    path("runs/export.csv", runs.runs_export, name="runs_export"),
    path("runs/of/<slug:slug>/", runs.agent_runs, name="agent_runs"),
    path("runs/evidence/", runs.home_evidence, name="home_evidence"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("packages/", packages.packages, name="packages"),
    path("packages/home/", packages.home_packages, name="home_packages"),
    path("packages/new/", packages.package_new, name="package_new"),
    path("packages/PK-<int:number>/", packages.package, name="package"),
    path("packages/PK-<int:number>/progress/", packages.package_progress, name="package_progress"),
    path("packages/PK-<int:number>/cancel/", packages.package_cancel, name="package_cancel"),
    path("packages/PK-<int:number>/again/", packages.package_again, name="package_again"),
    path("packages/PK-<int:number>/download/", packages.package_download, name="package_download"),
    path("stops/<int:number>/certificate.pdf", certificates.pdf, name="kill_certificate"),
    path("stops/<int:number>/certificate.json", certificates.document, name="kill_certificate_json"),
]
