"""What a caller already asked to create, so that asking twice creates once."""

from django.db import models
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    """One use of an Idempotency-Key header by one principal; kept for 24 hours."""

    id = models.BigAutoField(primary_key=True)
    principal = models.CharField(max_length=60)
    key = models.CharField(max_length=100)
    fingerprint = models.BinaryField()
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=60, blank=True)
    location = models.TextField(blank=True, default="")
    response = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["principal", "key"], name="api_idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="api_idempotency_age")]

    def __str__(self) -> str:
        return self.key
