"""The rulebook: who decides what, how risk is scored, and what counts as looking; in immutable numbered revisions."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.rules.rulebook import ProposalState


class Rulebook(models.Model):
    """One revision; the one with the greatest number is in force. Without any, the built-in rulebook counts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    document = models.JSONField()
    digest = models.TextField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        constraints = [
            # Changing who decides is itself decided by two people.
            models.CheckConstraint(condition=~Q(written_by=models.F("agreed_by")), name="approvals_rulebook_two_people")
        ]

    def __str__(self) -> str:
        return f"rulebook {self.number}"


class RulebookProposal(models.Model):
    """A rulebook that somebody wrote and somebody else has to agree to."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    base = models.ForeignKey(Rulebook, on_delete=models.PROTECT, null=True, related_name="+")
    document = models.JSONField()
    digest = models.TextField()
    state = models.TextField(
        choices=[(state.value, state.value) for state in ProposalState], default=ProposalState.OPEN.value
    )
    reason = models.TextField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decided_reason = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-number"]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"RP-{self.number}"
