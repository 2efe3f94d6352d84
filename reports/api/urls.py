"""Addresses of runs and packages under /api/v1/."""

from django.urls import path

from reports.api import certificates, packages, runs

app_name = "reports_api"

urlpatterns = [
    path("runs", runs.RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/entries", runs.RunEntriesView.as_view(), name="run_entries"),
    path("packages", packages.PackagesView.as_view(), name="packages"),
    path("packages/PK-<int:number>", packages.PackageView.as_view(), name="package"),
    path("packages/PK-<int:number>/cancel", packages.PackageCancelView.as_view(), name="package_cancel"),
    path("packages/PK-<int:number>/download", packages.PackageDownloadView.as_view(), name="package_download"),
    path("kills/<int:number>/certificate", certificates.CertificateView.as_view(), name="certificate"),
    path("kills/<int:number>/certificate.pdf", certificates.CertificatePdfView.as_view(), name="certificate_pdf"),
]
