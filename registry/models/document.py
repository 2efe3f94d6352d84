"""The papers of an agent: policy documents and test reports, versioned, hashed, with a date to look again."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from registry.models.agent import Agent


class DocumentKind(StrEnum):
    """What a paper is evidence of."""

    POLICY = "policy"
    TEST_REPORT = "test_report"
    OTHER = "other"


class AgentDocument(models.Model):
    """One version of one paper; append-only. ``sha256`` is over ``content`` and stands in the ledger too."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="documents")
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in DocumentKind])
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    file_name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    content = models.BinaryField()
    sha256 = models.BinaryField()
    expires_on = models.DateField(null=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["agent", "name", "version"], name="registry_document_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
