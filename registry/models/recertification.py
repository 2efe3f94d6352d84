"""Looking again: campaigns by team, granted against used for each scope entry, and what was decided."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from portal.identity.models import Team
from registry.models.agent import Agent

PERSON = settings.AUTH_USER_MODEL


class ScopeUse(models.Model):
    """How often the recorded checks of 90 days needed one entry of an agent's scope. Counted anew as a whole.

    ``pointer`` is the list's place in the policy document (``/scope/repositories``), ``entry`` the pattern.
    """

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="scope_uses")
    pointer = models.CharField(max_length=60)
    entry = models.CharField(max_length=255)
    count = models.PositiveIntegerField()
    last_used_at = models.DateTimeField(null=True)
    counted_since = models.DateTimeField()
    counted_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["agent", "pointer", "entry"], name="registry_scope_use_once")]

    def __str__(self) -> str:
        return f"{self.pointer} {self.entry}: {self.count}"


class CampaignState(StrEnum):
    """Open until every entry was decided, or until the date passed with some left."""

    OPEN = "open"
    DONE = "done"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Campaign(models.Model):
    """A recertification of every active agent of a team, due on a date; missing it suspends what was not reviewed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="campaigns")
    due_on = models.DateField()
    opened_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.TextField(
        choices=[(state.value, state.value) for state in CampaignState], default=CampaignState.OPEN.value
    )
    closed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["team"], condition=Q(state="open"), name="registry_campaign_one_open")
        ]

    def __str__(self) -> str:
        return f"RC-{self.number}"


class ItemVerdict(StrEnum):
    """What was decided about one entry."""

    KEEP = "keep"
    REMOVE = "remove"


class CampaignItem(models.Model):
    """One entry of one agent's scope in a campaign, with its use as it was shown, and the verdict."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="items")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    pointer = models.CharField(max_length=60)
    entry = models.CharField(max_length=255)
    used = models.PositiveIntegerField(null=True)  # null: not counted, which is not zero
    last_used_at = models.DateTimeField(null=True)
    verdict = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["agent", "pointer", "entry"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "agent", "pointer", "entry"], name="registry_item_once"),
            models.CheckConstraint(
                condition=Q(verdict="", decided_by__isnull=True, decided_at__isnull=True)
                | Q(verdict__in=[v.value for v in ItemVerdict], decided_by__isnull=False, decided_at__isnull=False),
                name="registry_item_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pointer} {self.entry}"
