"""Every address of the portal: what machines call first, then people's pages, refusals last."""

from django.urls import URLPattern, URLResolver, include, path

from portal.health import healthz, readyz
from portal.identity.web.account import account
from portal.web.home import home

Routes = list[URLPattern | URLResolver]

PAGES: Routes = [
    path("", home, name="home"),
    path("", include("reports.web.urls")),
    path("approvals/", include("approvals.web.urls")),
    path("settings/", account, name="settings"),
    path("settings/", include("portal.identity.web.urls")),
    path("accounts/", include("portal.identity.web.sign_in_urls")),
    path("", include("registry.web.urls")),
]

# No trailing slash under /api/: a redirect would lose the body of a POST.
MACHINES: Routes = [
    path("", include("approvals.api.hot_urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("", include("registry.api.stop_file_urls")),
    path("", include("approvals.api.well_known_urls")),
    path("", include("reports.api.ingest_urls")),
    path("api/v1/", include("portal.identity.api.urls")),
    path("api/v1/", include("approvals.api.urls")),
    path("api/v1/", include("reports.api.urls")),
    path("api/v1/", include("registry.api.urls")),
]

# Last: the schema, and a problem document for every other path under /api/.
REST: Routes = [path("api/", include("portal.api.urls"))]

# Patterns are tried in turn: behind the pages, finding the check's address cost a seventh of the check.
urlpatterns: Routes = MACHINES + PAGES + REST

handler400 = "portal.web.errors.handler400"
handler403 = "portal.web.errors.handler403"
handler404 = "portal.web.errors.handler404"
handler500 = "portal.web.errors.handler500"
handler429 = "portal.identity.web.refusals.too_many"
