"""A policy revision: what one agent may do, as it stood from one moment on; it never changes."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7


class PolicyRevision(models.Model):
    """Numbered from 1 for each agent. ``digest`` is SHA-256 over the canonical document (RFC 8785)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey("Agent", on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    digest = models.BinaryField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["agent", "number"], name="registry_revision_number")]

    def __str__(self) -> str:
        return f"{self.agent_id} r{self.number}"
