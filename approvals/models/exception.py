"""An exception: a gate that stands open for a while, with an owner, a due date and somebody who looks afterwards."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.rules.exceptions import ExceptionKind, ExceptionState
from registry.models import Agent


class GateException(models.Model):
    """Lets gated actions of one agent pass without a request until ``ends_at``. Never a forbidden one.

    Open debt from the grant until somebody else closes it; past ``review_due_at`` it demotes the agent.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in ExceptionKind])
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="exceptions")
    actions = ArrayField(models.TextField())
    repository = models.TextField(blank=True)
    environment = models.TextField(blank=True)
    minutes = models.PositiveIntegerField()
    reason = models.TextField()
    state = models.TextField(
        choices=[(state.value, state.value) for state in ExceptionState], default=ExceptionState.ASKED.value
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decided_reason = models.TextField(blank=True)
    ends_at = models.DateTimeField(null=True)
    epoch = models.BigIntegerField(null=True)  # of the agent's own kill keys when granted: a stop ends it for good
    review_due_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closing_note = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        indexes = [
            # What the check asks of every question: is anything overdue, is anything open?
            models.Index(
                fields=["agent", "review_due_at"],
                name="approvals_exception_debt",
                condition=Q(decided_at__isnull=False, closed_at=None, review_due_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")), name="approvals_exception_two_people"
            ),
            models.CheckConstraint(
                condition=Q(closed_by=None) | (~Q(closed_by=F("asked_by")) & ~Q(closed_by=F("owner"))),
                name="approvals_exception_closed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"EX-{self.number}"


class ExceptionUse(models.Model):
    """One call that an exception let through.

    ``people`` are the accounts with a part in it: who issued the credential that asked, and whose address was stated
    as that of whoever started it, wrote its prompt or wrote its change.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    exception = models.ForeignKey(GateException, on_delete=models.PROTECT, related_name="uses")
    entry_id = models.UUIDField()
    run_id = models.UUIDField()
    action = models.TextField()
    resource = models.TextField()
    people = ArrayField(models.UUIDField(), default=list, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.exception_id}: {self.action}"
