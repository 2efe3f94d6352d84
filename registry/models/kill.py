"""The kill switch: the state each check reads, the orders that changed it, and who agreed to resume."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

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
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField(db_default=Now(), editable=False)
    epoch = models.BigIntegerField()
    state = models.TextField(
        choices=[(state.value, state.value) for state in OrderState], default=OrderState.ACTIVE.value
    )
    resumed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-ordered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(state=OrderState.ACTIVE.value), name="registry_kill_one_in_force"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="registry_kill_reason"),
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
