"""What a repository's own committed policy file said when somebody last looked."""

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from registry.models.agent import Agent


class PolicySighting(models.Model):
    """The policy file of one repository at one commit, as reported; compared with the policy in force."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="sightings")
    repository = models.CharField(max_length=255)
    path = models.CharField(max_length=255)
    commit = models.CharField(max_length=64)
    text = models.TextField()
    fault = models.TextField(blank=True)  # why the file could not be read, in a sentence
    document = models.JSONField(null=True)
    reported_by = models.CharField(max_length=200)
    reported_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-reported_at"]
        indexes = [models.Index(fields=["agent", "repository", "-reported_at"], name="registry_sighting_latest")]

    def __str__(self) -> str:
        return f"{self.repository} {self.path} at {self.commit}"
