"""Who owned an agent and answered for it, from when on, and the offers to hand it over."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from portal.identity.models import Team
from registry.models.agent import Agent


class Ownership(models.Model):
    """Append-only: owner team, accountable person and deputy of an agent from ``since`` until the next row.

    What an agent did is answered for by whoever stands here at that instant, whoever owns it today.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="ownerships")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    accountable_person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    deputy = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    since = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        ordering = ["-since"]
        indexes = [models.Index(fields=["agent", "-since"], name="registry_ownership_at")]

    def __str__(self) -> str:
        return f"{self.agent_id} with {self.team_id} since {self.since}"


class TransferState(StrEnum):
    """An offer is open until the receiver answers or the giver takes it back."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class OwnershipTransfer(models.Model):
    """An offer of an agent to another team; a manager of the receiving team accepts and names who answers."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="transfers")
    from_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    to_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    offered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    offered_at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.TextField(choices=[(state.value, state.value) for state in TransferState], default="open")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-offered_at"]
        constraints = [
            models.UniqueConstraint(fields=["agent"], condition=Q(state="open"), name="registry_transfer_one_open"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in TransferState]), name="registry_transfer_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} offered to {self.to_team_id}"
