"""Every address of the portal."""

from django.urls import include, path

from portal.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("", include("approvals.api.hot_urls")),
    path("accounts/", include("allauth.urls")),
]
