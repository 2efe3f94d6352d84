"""The kill switch: the state each check reads, the orders that changed it, and who agreed to resume."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from registry.models.agent import Agent
from registry.rules.kill import OrderState, ScopeKind


class KillState(models.Model):
    """Whether a scope is stopped, and its epoch, which only grows. Read fresh by every check.

    A missing row means epoch 0 and not stopped. ``key`` is ``registry.rules.kill.scope_key``.
    """

    key = models.TextField(primary_key=True)
    epoch = models.BigIntegerField(default=0)
    stopped = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(epoch__gte=0), name="registry_kill_epoch")]

    def __str__(self) -> str:
        return f"{self.key} at {self.epoch}"


class KillOrder(models.Model):
    """One person's order to stop a scope, with the reason; in force until two others agree to resume."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in ScopeKind])
    key = models.TextField()
    label = models.CharField(max_length=120)
    reason = models.TextField()
    # Null for a drill that the schedule ordered; everything else is ordered by a person.
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ordered_at = models.DateTimeField(db_default=Now(), editable=False)
    epoch = models.BigIntegerField()
    state = models.TextField(
        choices=[(state.value, state.value) for state in OrderState], default=OrderState.ACTIVE.value
    )
    resumed_at = models.DateTimeField(null=True)
    # The agent of a stop of one agent, run or drill; its run ends with it, whoever owns the agent then.
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="kill_orders")
    # As it was when the order was given: the orderer's roles, and the stop time that was promised.
    authority = models.JSONField(default=dict)
    worst_seconds = models.PositiveIntegerField(null=True)
    worst_because = models.TextField(blank=True)
    credentials_revoked = models.PositiveIntegerField(default=0)
    # False while its entry could not be written: a stop works without the record, and is entered later.
    recorded = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()
        ordering = ["-ordered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(state=OrderState.ACTIVE.value), name="registry_kill_one_in_force"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="registry_kill_reason"),
            models.CheckConstraint(
                condition=Q(ordered_by__isnull=False) | Q(kind=ScopeKind.DRILL.value), name="registry_kill_by"
            ),
        ]

    def __str__(self) -> str:
        return f"stop {self.number} of {self.label}"


class ResumeAgreement(models.Model):
    """One of the two people who agree that a stop may end."""

    order = models.ForeignKey(KillOrder, on_delete=models.PROTECT, related_name="agreements")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["order", "person"], name="registry_resume_once")]

    def __str__(self) -> str:
        return f"{self.person_id} agrees to resume {self.order_id}"


class PointKind(StrEnum):
    """What kind of place asks the portal before an agent acts."""

    HOOK = "hook"
    CI = "ci"
    GATEWAY = "gateway"
    WRAPPER = "wrapper"


class EnforcementPoint(models.Model):
    """A place that holds a lease for one agent. ``epoch`` is the newest that it has acknowledged.

    While the lease runs it may go on without asking; after that it must stop. It is renewed by asking.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="points")
    name = models.CharField(max_length=120)
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in PointKind])
    run_id = models.UUIDField(null=True)
    epoch = models.BigIntegerField(default=0)
    lease_seconds = models.PositiveSmallIntegerField()
    lease_expires_at = models.DateTimeField()
    first_seen_at = models.DateTimeField(db_default=Now(), editable=False)
    last_seen_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True)  # it said goodbye: its lease ended early

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        indexes = [models.Index(fields=["lease_expires_at"], name="registry_point_lease")]
        constraints = [models.UniqueConstraint(fields=["agent", "name"], name="registry_point_once")]

    def __str__(self) -> str:
        return self.name


class StopAcknowledgement(models.Model):
    """An enforcement point has learned of a stop, or its lease ended without a word (``by_expiry``). Append-only."""

    order = models.ForeignKey(KillOrder, on_delete=models.PROTECT, related_name="acknowledgements")
    point = models.ForeignKey(EnforcementPoint, on_delete=models.PROTECT, related_name="+")
    epoch = models.BigIntegerField()
    by_expiry = models.BooleanField(default=False)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["order", "point"], name="registry_acknowledged_once")]

    def __str__(self) -> str:
        return f"{self.point_id} knows of {self.order_id}"


class DrillState(StrEnum):
    """A drill on a real agent waits for consent; then it runs and passes or fails."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Drill(models.Model):
    """A rehearsed stop with its measured time. ``ordered_by`` is null for one that the schedule ordered."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="drills")
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    consent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    order = models.OneToOneField(KillOrder, on_delete=models.PROTECT, null=True, related_name="drill")
    state = models.TextField(
        choices=[(state.value, state.value) for state in DrillState], default=DrillState.WAITING.value
    )
    planned_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    promised_ms = models.PositiveIntegerField(null=True)  # the worst case that was shown before
    measured_ms = models.PositiveIntegerField(null=True)  # from the commit until the last point had stopped
    outcome = models.TextField(blank=True)  # one sentence: what was seen

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["agent"], condition=Q(state__in=["waiting", "running"]), name="registry_drill_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"drill {self.number}"
