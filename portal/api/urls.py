"""The schema, and a problem document for every path under /api/ that nothing else answers."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from portal.api.unknown import UnknownPath

app_name = "api"

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^(?P<rest>.*)$", UnknownPath.as_view(), name="unknown"),
]
