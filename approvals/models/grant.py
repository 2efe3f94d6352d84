"""A grant: the one-time permission that an approved request gives."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.models.request import ApprovalRequest
from approvals.rules.workflow import GrantOutcome, GrantState
from registry.models import Agent, PolicyRevision


class Grant(models.Model):
    """Lets the exact action of its digest through once, while revision and epoch still hold."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.OneToOneField(ApprovalRequest, on_delete=models.PROTECT, related_name="grant")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="grants")
    digest = models.BinaryField()
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="+")
    epoch = models.BigIntegerField()
    kill_keys = ArrayField(models.TextField(), default=list)
    state = models.TextField(
        choices=[(state.value, state.value) for state in GrantState], default=GrantState.ISSUED.value
    )
    issued_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True)
    # What the executor reported, matched by the call's own id; silence past the deadline is "unknown".
    tool_use_id = models.TextField(blank=True)
    outcome = models.TextField(choices=[(outcome.value, outcome.value) for outcome in GrantOutcome], blank=True)
    outcome_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["agent", "digest"], name="approvals_grant_live", condition=Q(state="issued")),
            models.Index(
                fields=["redeemed_at"], name="approvals_grant_unreported", condition=Q(state="redeemed", outcome="")
            ),
            # By the call that a report names: asked for every batch of reports.
            models.Index(
                fields=["tool_use_id"], name="approvals_grant_call", condition=Q(state="redeemed") & ~Q(tool_use_id="")
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="redeemed", redeemed_at__isnull=False)
                | (~Q(state="redeemed") & Q(redeemed_at__isnull=True)),
                name="approvals_grant_redeemed_when",
            )
        ]

    def __str__(self) -> str:
        return f"grant of {self.request_id}"
