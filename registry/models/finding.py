"""What was noticed and needs somebody: recorded when it happened, closed by a person with a reason."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from portal.identity.models import Team
from registry.models.agent import Agent
from registry.models.kill import KillOrder


class FindingKind(StrEnum):
    """The recorded findings. Those that can be read off the rows at any moment are not stored (selectors.findings)."""

    ACTIVITY_AFTER_STOP = "activity_after_stop"
    REGISTERED_AGAIN = "registered_again"
    TOKEN_WHILE_STOPPED = "token_while_stopped"  # noqa: S105  a kind of finding, not a secret
    EXCHANGE_WHILE_STOPPED = "exchange_while_stopped"
    OTHER_COMPOSITION = "other_composition"
    EXCEPTION_OVERDUE = "exception_overdue"


class Finding(models.Model):
    """One noticed fact about an agent. ``key`` makes noticing it twice one finding."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in FindingKind])
    key = models.CharField(max_length=200, unique=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="findings")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="findings")
    order = models.ForeignKey(KillOrder, on_delete=models.PROTECT, null=True, related_name="findings")
    sentence = models.TextField()
    entry_id = models.UUIDField(null=True)  # the ledger entry that shows it
    # Who made it happen, where a person did: somebody else closes it.
    caused_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    noticed_at = models.DateTimeField(db_default=Now(), editable=False)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    close_reason = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-noticed_at"]
        indexes = [
            models.Index(fields=["agent", "-noticed_at"], name="registry_finding_open", condition=Q(closed_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"
