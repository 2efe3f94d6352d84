"""The addresses of the two hot paths, which belong to no page."""

from django.urls import path

from approvals.api.hot import checks, claude_hook

urlpatterns = [
    path("api/v1/checks", checks, name="checks"),
    path("hooks/claude", claude_hook, name="hook_claude"),
]
