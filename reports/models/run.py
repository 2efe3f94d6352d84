"""A run: one session of an agent, as a read model built from the ledger."""

from django.db import models
from django.db.models import Q

from registry.models import Agent


class Run(models.Model):
    """``id`` is ``registry.rules.runs.run_id(agent, session)``. Everything here can be rebuilt from entries."""

    id = models.UUIDField(primary_key=True, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="runs")
    session_id = models.CharField(max_length=200)
    initiator = models.CharField(max_length=200, blank=True)
    repository = models.CharField(max_length=200, blank=True)
    branch = models.CharField(max_length=250, blank=True)
    model = models.CharField(max_length=120, blank=True)
    task = models.CharField(max_length=200, blank=True, db_default="")  # the task type named last
    started_at = models.DateTimeField()
    last_event_at = models.DateTimeField()
    events = models.PositiveIntegerField(default=0)
    allowed = models.PositiveIntegerField(default=0)
    gated = models.PositiveIntegerField(default=0)
    denied = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["-last_event_at"]
        indexes = [
            models.Index(fields=["agent", "-last_event_at"], name="reports_run_agent"),
            models.Index(fields=["-last_event_at", "-id"], name="reports_run_newest"),
            models.Index(fields=["repository", "-last_event_at"], name="reports_run_repo", condition=~Q(repository="")),
        ]

    def __str__(self) -> str:
        return self.session_id


class SeenEvent(models.Model):
    """That an event of a source was recorded: the key that makes ingest idempotent."""

    id = models.BigAutoField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=60)
    key = models.CharField(max_length=250)
    entry_id = models.UUIDField()
    body_hash = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["agent", "source", "key"], name="reports_event_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.key}"


class SourceCount(models.Model):
    """How many items a source sent for an agent, and what became of them: received = the other three."""

    id = models.BigAutoField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="source_counts")
    source = models.CharField(max_length=60)
    received = models.BigIntegerField(default=0)
    recorded = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["agent", "source"], name="reports_source_once"),
            models.CheckConstraint(
                condition=Q(received=models.F("recorded") + models.F("duplicate") + models.F("rejected")),
                name="reports_source_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.received}"
