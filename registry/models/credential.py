"""An agent's credentials: bearer tokens of which only the hash is kept, and whose outside tokens buy one."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from registry.models.agent import Agent

PERSON = settings.AUTH_USER_MODEL


class CredentialKind(StrEnum):
    """Issued by a person, or in exchange for the token of a CI or cloud agent."""

    ISSUED = "issued"
    EXCHANGED = "exchanged"


class IssuerTrust(models.Model):
    """Lets tokens of one outside issuer that carry ``claims`` be exchanged for a short credential of the agent.

    ``claims`` maps a claim to the one text it must have, ``repository_id`` among them for GitHub Actions.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="trusts")
    name = models.CharField(max_length=80)
    issuer = models.CharField(max_length=200)
    audience = models.CharField(max_length=200)
    claims = models.JSONField()
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["issuer", "audience"], name="registry_trust_issuer")]

    def __str__(self) -> str:
        return f"{self.name}: {self.issuer}"


class Credential(models.Model):
    """Lets an agent ask and report. Shown once, expires, revoked at once.

    ``scope`` is a restriction document (``registry.rules.restriction``) that narrows the agent's own policy.
    ``replaces`` is the credential that a rotation will end.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="credentials")
    name = models.CharField(max_length=80)
    kind = models.TextField(
        choices=[(kind.value, kind.value) for kind in CredentialKind], default=CredentialKind.ISSUED.value
    )
    prefix = models.CharField(max_length=16)
    digest = models.BinaryField(unique=True)
    scope = models.JSONField(default=dict)
    trust = models.ForeignKey(IssuerTrust, on_delete=models.PROTECT, null=True, related_name="credentials")
    claims = models.JSONField(default=dict)  # what the exchanged token said, as far as it is kept
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=CredentialKind.ISSUED.value, trust__isnull=True)
                | Q(kind=CredentialKind.EXCHANGED.value, trust__isnull=False),
                name="registry_credential_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"


class ExchangedToken(models.Model):
    """An outside token that was exchanged, so that it is not exchanged again. Kept until it has expired."""

    issuer = models.CharField(max_length=200)
    jti = models.CharField(max_length=255)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["issuer", "jti"], name="registry_exchanged_once")]

    def __str__(self) -> str:
        return f"{self.issuer} {self.jti}"
