"""An audit package: the job that builds it, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from portal.identity.models import Team
from registry.models import Agent
from reports.rules.package import PackageScope, PackageState


class Package(models.Model):
    """Requested by a person, built by a worker from a fixed log size. The row is the truth of the job."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=120)
    scope = models.TextField(choices=[(scope.value, scope.value) for scope in PackageScope])
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="+")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.TextField(
        choices=[(state.value, state.value) for state in PackageState], default=PackageState.QUEUED.value
    )
    reason = models.TextField(blank=True)
    stage = models.CharField(max_length=60, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True)
    built_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=40, blank=True)
    entry_count = models.PositiveIntegerField(null=True)
    checkpoint_size = models.BigIntegerField(null=True)
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    summary = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(condition=Q(period_start__lt=models.F("period_end")), name="reports_package_period"),
            models.CheckConstraint(
                condition=Q(scope="all", team__isnull=True, agent__isnull=True)
                | Q(scope="team", team__isnull=False, agent__isnull=True)
                | Q(scope="agent", team__isnull=True, agent__isnull=False),
                name="reports_package_scope",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | (Q(built_at__isnull=False) & ~Q(sha256="")),
                name="reports_package_ready_has_digest",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"PK-{self.number}"


class PackageDownload(models.Model):
    """Who took a package, and when."""

    id = models.BigAutoField(primary_key=True)
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="downloads")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.person_id} took {self.package_id}"
