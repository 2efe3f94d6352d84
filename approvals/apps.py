"""May this agent do this, now? Checks, requests, reviews, grants."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = "Approvals"
