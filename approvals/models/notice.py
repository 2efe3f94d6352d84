"""Notices: where people, teams and agents want to be told, and each message that was or was not delivered."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.models.request import ApprovalRequest
from approvals.rules.notices import ChannelKind, DeliveryState, Digest
from portal.identity.models import Team
from registry.models import Agent


class Channel(models.Model):
    """An address outside the portal. ``address`` and ``secret`` are encrypted with the content key.

    A team's channel is told of the team's requests; an agent's is a callback: it is told what became of its own,
    until the agent goes to another team.
    ``shown`` is what pages may show of the address.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in ChannelKind])
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=80)
    address = models.BinaryField()
    shown = models.CharField(max_length=200)
    secret = models.BinaryField(null=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(team__isnull=False, agent__isnull=False), name="approvals_channel_of_one"
            )
        ]

    def __str__(self) -> str:
        return self.name


class NoticeChoice(models.Model):
    """How one person wants to be told by e-mail."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="notice_choice"
    )
    events = ArrayField(models.TextField(), null=True)  # None: every kind
    quiet_from = models.TimeField(null=True)
    quiet_to = models.TimeField(null=True)
    timezone = models.TextField(default="UTC")
    digest = models.TextField(choices=[(digest.value, digest.value) for digest in Digest], default=Digest.NONE.value)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.person_id)


class Delivery(models.Model):
    """One message to one place. ``dedupe`` makes a notice that is worked on twice go out once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="deliveries")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    event = models.TextField()
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, null=True, related_name="deliveries")
    content = models.JSONField()
    dedupe = models.TextField(unique=True)
    state = models.TextField(
        choices=[(state.value, state.value) for state in DeliveryState], default=DeliveryState.WAITING.value
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(db_default=Now())
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True)
    fault = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-made_at"]
        indexes = [models.Index(fields=["not_before"], name="approvals_delivery_waiting", condition=Q(state="waiting"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(channel=None, person__isnull=False) | Q(channel__isnull=False, person=None),
                name="approvals_delivery_to_one",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.state}"
