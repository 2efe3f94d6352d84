"""The addresses that agents report to; they belong to no page."""

from django.urls import path

from reports.api.ingest import claude_hook, events, otlp_logs, otlp_other

urlpatterns = [
    path("api/v1/events", events, name="ingest_events"),
    path("ingest/hooks/claude", claude_hook, name="ingest_hook_claude"),
    path("v1/logs", otlp_logs, name="ingest_otlp_logs"),
    path("v1/<slug:signal>", otlp_other, name="ingest_otlp_other"),
]
