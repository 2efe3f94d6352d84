"""An approval request: one gated action, bound to exactly what was asked, waiting for people."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.rules.workflow import RequestState, Verdict
from registry.models import Agent, PolicyRevision


class ApprovalRequest(models.Model):
    """``digest`` binds agent, action, resource, arguments, policy revision and kill epoch.

    ``view`` is the canonical document that every approver is shown; ``view_hash`` is its SHA-256 and
    travels with each decision.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="requests")
    run_id = models.UUIDField()
    session_id = models.CharField(max_length=200)
    action = models.TextField()
    resource = models.TextField()
    tool = models.CharField(max_length=200)
    arguments = models.JSONField()
    digest = models.BinaryField()
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="+")
    # The revisions in force above the agent when it was opened: a tightened baseline voids it as well.
    organisation_revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, null=True, related_name="+")
    team_revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, null=True, related_name="+")
    task = models.CharField(max_length=200, blank=True)
    epoch = models.BigIntegerField()
    # Every kill scope that can stop it (registry.rules.kill.keys_over): epoch is the sum of theirs.
    kill_keys = ArrayField(models.TextField(), default=list)
    initiator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="initiated_requests"
    )
    initiator_label = models.CharField(max_length=200)
    credential_id = models.UUIDField()
    credential_issuer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.TextField(
        choices=[(state.value, state.value) for state in RequestState], default=RequestState.PENDING.value
    )
    state_reason = models.TextField(blank=True)
    quorum = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    view = models.BinaryField()
    view_hash = models.BinaryField()

    class Meta:
        default_permissions = ()
        ordering = ["expires_at"]
        indexes = [
            models.Index(fields=["expires_at"], name="approvals_request_pending", condition=Q(state="pending")),
            models.Index(fields=["agent", "-opened_at"], name="approvals_request_agent"),
            models.Index(fields=["run_id"], name="approvals_request_run"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(quorum__gte=1), name="approvals_request_quorum"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in RequestState]), name="approvals_request_state"
            ),
            # The same question asked again while it waits is the same request, also under a race.
            models.UniqueConstraint(
                fields=["agent", "digest"], condition=Q(state="pending"), name="approvals_request_one_open"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"AR-{self.number}"


class Review(models.Model):
    """One person's verdict on one request, on exactly the view they were shown."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="reviews")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.TextField(choices=[(verdict.value, verdict.value) for verdict in Verdict])
    reason = models.TextField()
    view_hash = models.BinaryField()
    authority = models.JSONField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["request", "person"], name="approvals_review_once")]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.verdict}"
