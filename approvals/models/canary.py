"""A canary: a planted request that ought to be denied, and what became of it."""

from django.db import models
from django.db.models.functions import Now

from approvals.models.request import ApprovalRequest
from approvals.rules.canary import CanaryOutcome


class Canary(models.Model):
    """Grants nothing and reaches no agent, whatever is decided."""

    request = models.OneToOneField(ApprovalRequest, on_delete=models.PROTECT, primary_key=True, related_name="planted")
    template = models.TextField()
    planted_at = models.DateTimeField(db_default=Now(), editable=False)
    outcome = models.TextField(choices=[(outcome.value, outcome.value) for outcome in CanaryOutcome], blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"canary {self.request_id}"
